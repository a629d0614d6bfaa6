import { viewOf, viewOfStruct } from "../bytes.ts";

/** struct ifinfomsg: what every message about a link begins with. <linux/rtnetlink.h> */
export interface LinkHeader {
  readonly family: number;
  /** ARPHRD_*, 1 for Ethernet. */
  readonly type: number;
  readonly index: number;
  /** IFF bits; in a request, those of `change` are set to what they are here. */
  readonly flags: number;
  readonly change: number;
}

/** Flags of a link. <linux/if.h> */
export const IFF = { UP: 0x1, PROMISC: 0x100, ALLMULTI: 0x200 } as const;

/** sizeof(struct ifinfomsg) <linux/rtnetlink.h> */
export const LINK_HEADER_SIZE = 16;

export function encodeLinkHeader(header: Partial<LinkHeader>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(LINK_HEADER_SIZE);
  const view = viewOf(bytes);
  view.setUint8(0, header.family ?? 0);
  view.setUint16(2, header.type ?? 0, true);
  view.setInt32(4, header.index ?? 0, true);
  view.setUint32(8, header.flags ?? 0, true);
  view.setUint32(12, header.change ?? 0, true);
  return bytes;
}

/** @throws RangeError when the input is shorter than the structure */
export function decodeLinkHeader(bytes: Uint8Array): LinkHeader {
  const view = viewOfStruct(bytes, "struct ifinfomsg", LINK_HEADER_SIZE);
  return {
    family: view.getUint8(0),
    type: view.getUint16(2, true),
    index: view.getInt32(4, true),
    flags: view.getUint32(8, true),
    change: view.getUint32(12, true),
  };
}
