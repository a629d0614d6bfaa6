import { u32be } from "../../../netlink/codec.ts";

/** enum nft_payload_attributes <linux/netfilter/nf_tables.h> */
const NFTA_PAYLOAD = { DREG: 1, BASE: 2, OFFSET: 3, LEN: 4 } as const;

/** The header from which an offset counts. enum nft_payload_bases <linux/netfilter/nf_tables.h> */
export const NFT_PAYLOAD = { LL_HEADER: 0, NETWORK_HEADER: 1, TRANSPORT_HEADER: 2 } as const;

/** Loads `length` bytes of the packet into a register. */
export const payload = {
  dreg: [NFTA_PAYLOAD.DREG, u32be],
  base: [NFTA_PAYLOAD.BASE, u32be],
  offset: [NFTA_PAYLOAD.OFFSET, u32be],
  length: [NFTA_PAYLOAD.LEN, u32be],
} as const;
