import { viewOf, viewOfStruct } from "../bytes.ts";

/** struct ndmsg: what every message about a neighbour begins with. <linux/neighbour.h> */
export interface NeighbourHeader {
  readonly family: number;
  /** The link's index. */
  readonly index: number;
  /** NUD bits. */
  readonly state: number;
  /** NTF bits. */
  readonly flags: number;
  readonly type: number;
}

/** How well a neighbour's MAC is known. <linux/neighbour.h> */
export const NUD = { PERMANENT: 0x80 } as const;

/** sizeof(struct ndmsg) <linux/neighbour.h> */
export const NEIGHBOUR_HEADER_SIZE = 12;

export function encodeNeighbourHeader(header: Partial<NeighbourHeader>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(NEIGHBOUR_HEADER_SIZE);
  const view = viewOf(bytes);
  view.setUint8(0, header.family ?? 0);
  view.setInt32(4, header.index ?? 0, true);
  view.setUint16(8, header.state ?? 0, true);
  view.setUint8(10, header.flags ?? 0);
  view.setUint8(11, header.type ?? 0);
  return bytes;
}

/** @throws RangeError when the input is shorter than the structure */
export function decodeNeighbourHeader(bytes: Uint8Array): NeighbourHeader {
  const view = viewOfStruct(bytes, "struct ndmsg", NEIGHBOUR_HEADER_SIZE);
  return {
    family: view.getUint8(0),
    index: view.getInt32(4, true),
    state: view.getUint16(8, true),
    flags: view.getUint8(10),
    type: view.getUint8(11),
  };
}
