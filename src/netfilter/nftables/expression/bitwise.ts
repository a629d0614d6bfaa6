import { u32be } from "../../../netlink/codec.ts";
import { data } from "../data.ts";

/** enum nft_bitwise_attributes <linux/netfilter/nf_tables.h> */
const NFTA_BITWISE = { SREG: 1, DREG: 2, LEN: 3, MASK: 4, XOR: 5, OP: 6 } as const;

/** dreg = (sreg & mask) ^ xor, on `length` bytes. `operation` is 0, the only one that older kernels support. */
export const bitwise = {
  sreg: [NFTA_BITWISE.SREG, u32be],
  dreg: [NFTA_BITWISE.DREG, u32be],
  length: [NFTA_BITWISE.LEN, u32be],
  mask: [NFTA_BITWISE.MASK, data],
  xor: [NFTA_BITWISE.XOR, data],
  operation: [NFTA_BITWISE.OP, u32be],
} as const;
