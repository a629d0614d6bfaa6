import { u32be } from "../../../netlink/codec.ts";

/** enum nft_meta_attributes <linux/netfilter/nf_tables.h> */
const NFTA_META = { DREG: 1, KEY: 2 } as const;

/** Facts about a packet that are not in it. enum nft_meta_keys <linux/netfilter/nf_tables.h> */
export const NFT_META = { NFPROTO: 15 } as const;

/** Loads a fact about the packet into a register. */
export const meta = { key: [NFTA_META.KEY, u32be], dreg: [NFTA_META.DREG, u32be] } as const;
