import { u8, u32be } from "../../../netlink/codec.ts";

/** enum nft_exthdr_attributes <linux/netfilter/nf_tables.h> */
const NFTA_EXTHDR = { DREG: 1, TYPE: 2, OFFSET: 3, LEN: 4, FLAGS: 5, OP: 6, SREG: 7 } as const;

/** The fragment header. <linux/in6.h> */
export const IPPROTO_FRAGMENT = 44;

/** Loads `length` bytes of the packet's first IPv6 extension header of that type into a register. Ends the rule if there is none. */
export const exthdr = {
  dreg: [NFTA_EXTHDR.DREG, u32be],
  type: [NFTA_EXTHDR.TYPE, u8],
  offset: [NFTA_EXTHDR.OFFSET, u32be],
  length: [NFTA_EXTHDR.LEN, u32be],
  flags: [NFTA_EXTHDR.FLAGS, u32be],
  operation: [NFTA_EXTHDR.OP, u32be],
  sreg: [NFTA_EXTHDR.SREG, u32be],
} as const;
