import { address, mac, u32 } from "../codec.ts";
import type { Values } from "../fields.ts";

/** Attributes of a neighbour. <linux/neighbour.h> */
const NDA = { DST: 1, LLADDR: 2, IFINDEX: 8 } as const;

/** The attributes of a neighbour that we speak. `index` narrows a list to a link. */
export const NEIGHBOUR_FIELDS = {
  address: [NDA.DST, address],
  mac: [NDA.LLADDR, mac],
  index: [NDA.IFINDEX, u32],
} as const;

export type NeighbourAttributes = Values<typeof NEIGHBOUR_FIELDS>;
