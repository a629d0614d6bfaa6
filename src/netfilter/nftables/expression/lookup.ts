import { text, u32be } from "../../../netlink/codec.ts";

/** enum nft_lookup_attributes <linux/netfilter/nf_tables.h> */
const NFTA_LOOKUP = { SET: 1, SREG: 2, DREG: 3, SET_ID: 4, FLAGS: 5 } as const;

/** enum nft_lookup_flags <linux/netfilter/nf_tables.h> */
export const NFT_LOOKUP_F = { INV: 1 } as const;

/** Looks up a register in a set. Ends the rule if the set lacks it, or with INV if the set has it. With `dreg`, loads the map's value. */
export const lookup = {
  sreg: [NFTA_LOOKUP.SREG, u32be],
  dreg: [NFTA_LOOKUP.DREG, u32be],
  set: [NFTA_LOOKUP.SET, text],
  setId: [NFTA_LOOKUP.SET_ID, u32be],
  flags: [NFTA_LOOKUP.FLAGS, u32be],
} as const;
