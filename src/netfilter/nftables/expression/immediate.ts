import { u32be } from "../../../netlink/codec.ts";
import { data } from "../data.ts";

/** enum nft_immediate_attributes <linux/netfilter/nf_tables.h> */
const NFTA_IMMEDIATE = { DREG: 1, DATA: 2 } as const;

/** Loads data into a register. A verdict in the verdict register ends the rule. */
export const immediate = { dreg: [NFTA_IMMEDIATE.DREG, u32be], data: [NFTA_IMMEDIATE.DATA, data] } as const;
