import type { Address } from "../../ip/address.ts";
import type { Message } from "../message.ts";
import { netfilterMessage } from "../nfnetlink.ts";
import { CONNECTION_FIELDS, type ConnectionAttributes, type TupleAttributes } from "./attributes.ts";

/** A message about a tracked connection: what struct nfgenmsg says of it, and the attributes behind that. */
export interface ConnectionMessage {
  /** One of NFPROTO. */
  readonly family: number;
  readonly attributes: ConnectionAttributes;
}

/** One direction of a connection: the packets that go that way. */
export interface Tuple {
  readonly source: Address;
  readonly destination: Address;
  /** 0 for protocols without ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** A connection, of a protocol without connections too, that the kernel keeps track of. */
export interface Connection {
  /** IPPROTO. */
  readonly protocol: number;
  /** Its packets as they came. */
  readonly original: Tuple;
  /** The answers as they come, before addresses are put back: its source is where the packets really go. */
  readonly reply: Tuple;
  /** What names it to the kernel. */
  readonly message: ConnectionMessage;
}

/** Mirror images. Malformed input makes `decode` throw RangeError. */
export const { encode: encodeConnection, decode: decodeConnection } = netfilterMessage(CONNECTION_FIELDS);

/** The connection that a message of the kernel's is about. @throws RangeError on malformed input, or without both directions */
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
