import { decodeQdiscHeader, encodeQdiscHeader, type QdiscHeader } from "../qdisc/header.ts";

/** struct tcmsg of a filter, `info` taken apart. <linux/rtnetlink.h> */
export interface FilterHeader extends Omit<QdiscHeader, "info"> {
  /** The lowest is asked first. */
  readonly priority: number;
  /** ETH_P. */
  readonly protocol: number;
}

/** Protocols above Ethernet. <linux/if_ether.h> */
export const ETH_P = { ALL: 0x0003 } as const;

export function encodeFilterHeader(header: Partial<FilterHeader>): Uint8Array<ArrayBuffer> {
  const { priority = 0, protocol = 0, ...rest } = header;
  return encodeQdiscHeader({ ...rest, info: priority * 0x10000 + swap(protocol) });
}

/** @throws RangeError when the input is shorter than the structure */
export function decodeFilterHeader(bytes: Uint8Array): FilterHeader {
  const { info, ...rest } = decodeQdiscHeader(bytes);
  return { ...rest, priority: info >>> 16, protocol: swap(info & 0xffff) };
}

/** The protocol is in network byte order inside a number that is not. */
function swap(number: number): number {
  return ((number & 0xff) << 8) | (number >> 8);
}
