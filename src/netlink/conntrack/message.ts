import type { Address } from "../../ip/address.ts";
import type { Message } from "../message.ts";
import { netfilterMessage } from "../nfnetlink.ts";
import { CONNECTION_FIELDS, type ConnectionAttributes, type TupleAttributes } from "./attributes.ts";

/** A message about a tracked connection: struct nfgenmsg and its attributes. */
export interface ConnectionMessage {
  /** One of NFPROTO. */
  readonly family: number;
  readonly attributes: ConnectionAttributes;
}

/** One direction of a connection. */
export interface Tuple {
  readonly source: Address;
  readonly destination: Address;
  /** 0 for protocols without ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** A connection that the kernel tracks, also of a connectionless protocol. */
export interface Connection {
  /** IPPROTO. */
  readonly protocol: number;
  /** The direction of the first packet, with its addresses before translation. */
  readonly original: Tuple;
  /** The direction of the replies, before their addresses are translated back. Its source is the real destination. */
  readonly reply: Tuple;
  /** The message that identifies it to the kernel. */
  readonly message: ConnectionMessage;
}

/** Encodes and decodes a connection. `decode` throws RangeError on malformed input. */
export const { encode: encodeConnection, decode: decodeConnection } = netfilterMessage(CONNECTION_FIELDS);

/** Reads the connection in a message from the kernel. @throws RangeError on malformed input, or if a direction is missing */
export function readConnection({ payload }: Pick<Message, "payload">): Connection {
  const message = decodeConnection(payload);
  const { original, reply } = message.attributes;
  return {
    protocol: original?.proto?.protocol ?? 0,
    original: readTuple("CTA_TUPLE_ORIG", original),
    reply: readTuple("CTA_TUPLE_REPLY", reply),
    message,
  };
}

function readTuple(name: string, { ip, proto }: TupleAttributes = {}): Tuple {
  const source = ip?.source4 ?? ip?.source6;
  const destination = ip?.destination4 ?? ip?.destination6;
  if (source === undefined || destination === undefined) {
    throw new RangeError(`Cannot decode a connection: ${name} has no addresses`);
  }
  return { source, destination, sourcePort: proto?.sourcePort ?? 0, destinationPort: proto?.destinationPort ?? 0 };
}
