import { u32be } from "../../../netlink/codec.ts";

/** enum nft_fib_attributes <linux/netfilter/nf_tables.h> */
const NFTA_FIB = { DREG: 1, RESULT: 2, FLAGS: 3 } as const;

/** What of the route is asked for. enum nft_fib_result <linux/netfilter/nf_tables.h> */
export const NFT_FIB_RESULT = { ADDRTYPE: 3 } as const;

/** What the route is looked up by. enum nft_fib_flags <linux/netfilter/nf_tables.h> */
export const NFTA_FIB_F = { SADDR: 1, DADDR: 2 } as const;

/** Loads what the routing tables say about an address of the packet into a register. */
export const fib = {
  dreg: [NFTA_FIB.DREG, u32be],
  result: [NFTA_FIB.RESULT, u32be],
  flags: [NFTA_FIB.FLAGS, u32be],
} as const;
