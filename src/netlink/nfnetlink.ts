import { concat } from "../platform/bytes.ts";
import { viewOf } from "./bytes.ts";
import { u8, u16be } from "./codec.ts";
import { decoderOf, encodeFields, type Fields, type Values } from "./fields.ts";
import { struct } from "./struct.ts";

/** Netfilter's subsystems with netlink messages, the high byte of a message's type. <linux/netfilter/nfnetlink.h> */
export const NFNL_SUBSYS = { CTNETLINK: 1, NFTABLES: 10 } as const;

/** Protocol families of netfilter. <linux/netfilter.h> */
export const NFPROTO = { UNSPEC: 0, INET: 1, IPV4: 2, BRIDGE: 7, IPV6: 10 } as const;

/** sizeof(struct nfgenmsg): u8 family, u8 version, u16 resource in network byte order. <linux/netfilter/nfnetlink.h> */
const HEADER_SIZE = 4;

/** The payload of every netfilter message: struct nfgenmsg, then attributes. */
export interface Nfgenmsg {
  /** One of NFPROTO. */
  readonly family: number;
  readonly resource?: number;
  readonly attributes?: Uint8Array;
}

const header = struct("struct nfgenmsg", HEADER_SIZE, { family: [0, u8], resource: [2, u16be] });

/** Encodes the payload of a netfilter message. */
export function encodeNfgenmsg({ family, resource = 0, attributes = new Uint8Array() }: Nfgenmsg): Uint8Array {
  return concat([header.encode({ family, resource }), attributes]);
}

/** Decodes the payload of a netfilter message. @throws RangeError if the header is too short */
export function decodeNfgenmsg(payload: Uint8Array): Required<Nfgenmsg> {
  return { ...header.decode(payload), attributes: payload.subarray(HEADER_SIZE) };
}

/** Defines netfilter messages by the attributes that we use. `decode` throws RangeError on malformed input. */
export function netfilterMessage<F extends Fields>(fields: F) {
  const decodeValues = decoderOf(fields);
  return {
    encode: ({ family, attributes }: { readonly family: number; readonly attributes: Values<F> }): Uint8Array => {
      const bytes = encodeFields(fields, attributes, HEADER_SIZE);
      header.write(viewOf(bytes), 0, { family });
      return bytes;
    },
    decode: (payload: Uint8Array): { readonly family: number; readonly attributes: Values<F> } => {
      const { family } = header.decode(payload);
      return { family, attributes: decodeValues(payload, HEADER_SIZE) };
    },
  };
}
