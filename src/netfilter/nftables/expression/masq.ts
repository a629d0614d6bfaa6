import { u32be } from "../../../netlink/codec.ts";

/** enum nft_masq_attributes <linux/netfilter/nf_tables.h> */
const NFTA_MASQ = { FLAGS: 1 } as const;

/** Replaces the source address by the address of the outgoing link. `flags` are NF_NAT_RANGE. */
export const masq = { flags: [NFTA_MASQ.FLAGS, u32be] } as const;
