import { u32be } from "../../../netlink/codec.ts";

/** enum nft_fib_attributes <linux/netfilter/nf_tables.h> */
const NFTA_FIB = { DREG: 1, RESULT: 2, FLAGS: 3 } as const;

/** The part of the route to return. enum nft_fib_result <linux/netfilter/nf_tables.h> */
export const NFT_FIB_RESULT = { ADDRTYPE: 3 } as const;

/** The address to look up. enum nft_fib_flags <linux/netfilter/nf_tables.h> */
export const NFTA_FIB_F = { SADDR: 1, DADDR: 2 } as const;

/** Looks up an address of the packet in the routing tables and loads the result into a register. */
export const fib = {
  dreg: [NFTA_FIB.DREG, u32be],
  result: [NFTA_FIB.RESULT, u32be],
  flags: [NFTA_FIB.FLAGS, u32be],
} as const;
