import { concat } from "../platform/bytes.ts";
import { viewOf, viewOfStruct } from "./bytes.ts";

/** Parts of netfilter that have netlink messages; the high byte of a message's type. <linux/netfilter/nfnetlink.h> */
export const NFNL_SUBSYS = { CTNETLINK: 1, NFTABLES: 10 } as const;

/** Protocol families of netfilter. <linux/netfilter.h> */
export const NFPROTO = { UNSPEC: 0, INET: 1, IPV4: 2, BRIDGE: 7, IPV6: 10 } as const;

/** sizeof(struct nfgenmsg): u8 family, u8 version, u16 resource in network byte order. <linux/netfilter/nfnetlink.h> */
const HEADER_SIZE = 4;

/** What follows struct nlmsghdr in every message of netfilter: struct nfgenmsg, then attributes. */
export interface Nfgenmsg {
  /** One of NFPROTO. */
  readonly family: number;
  readonly resource?: number;
  readonly attributes?: Uint8Array;
}

/** The payload of a message of netfilter. */
export function encodeNfgenmsg({ family, resource = 0, attributes = new Uint8Array() }: Nfgenmsg): Uint8Array {
  const header = new Uint8Array(HEADER_SIZE);
  header[0] = family;
  viewOf(header).setUint16(2, resource);
  return concat([header, attributes]);
}

/** The mirror image. @throws RangeError when the header is cut short */
export function decodeNfgenmsg(payload: Uint8Array): Required<Nfgenmsg> {
  const view = viewOfStruct(payload, "struct nfgenmsg", HEADER_SIZE);
  return { family: view.getUint8(0), resource: view.getUint16(2), attributes: payload.subarray(HEADER_SIZE) };
}
