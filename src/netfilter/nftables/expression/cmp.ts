import { u32be } from "../../../netlink/codec.ts";
import { data } from "../data.ts";

/** enum nft_cmp_attributes <linux/netfilter/nf_tables.h> */
const NFTA_CMP = { SREG: 1, OP: 2, DATA: 3 } as const;

/** enum nft_cmp_ops <linux/netfilter/nf_tables.h> */
export const NFT_CMP = { EQ: 0, NEQ: 1 } as const;

/** Ends the rule unless the comparison `operation` between the register and the data is true. */
export const cmp = {
  sreg: [NFTA_CMP.SREG, u32be],
  operation: [NFTA_CMP.OP, u32be],
  data: [NFTA_CMP.DATA, data],
} as const;
