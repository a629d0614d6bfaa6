import { u32be } from "../../../netlink/codec.ts";

/** enum nft_meta_attributes <linux/netfilter/nf_tables.h> */
const NFTA_META = { DREG: 1, KEY: 2, SREG: 3 } as const;

/** Properties of a packet that are not in its bytes. enum nft_meta_keys <linux/netfilter/nf_tables.h> */
export const NFT_META = {
  PROTOCOL: 1,
  MARK: 3,
  IIF: 4,
  OIF: 5,
  IIFNAME: 6,
  OIFNAME: 7,
  IIFTYPE: 8,
  NFPROTO: 15,
  L4PROTO: 16,
} as const;

/** Loads a property of the packet into a register. With `sreg`, sets the property from a register. */
export const meta = {
  key: [NFTA_META.KEY, u32be],
  dreg: [NFTA_META.DREG, u32be],
  sreg: [NFTA_META.SREG, u32be],
} as const;
