import { u32be } from "../../../netlink/codec.ts";

/** enum nft_nat_attributes <linux/netfilter/nf_tables.h> */
const NFTA_NAT = {
  TYPE: 1,
  FAMILY: 2,
  REG_ADDR_MIN: 3,
  REG_ADDR_MAX: 4,
  REG_PROTO_MIN: 5,
  REG_PROTO_MAX: 6,
  FLAGS: 7,
} as const;

/** enum nft_nat_types <linux/netfilter/nf_tables.h> */
export const NFT_NAT = { SNAT: 0, DNAT: 1 } as const;

/** Flags for the registers that hold a value. <linux/netfilter/nf_nat.h> */
export const NF_NAT_RANGE = { MAP_IPS: 1, PROTO_SPECIFIED: 2 } as const;

/** Replaces the source or destination of the packet's connection by the registers' values. */
export const nat = {
  type: [NFTA_NAT.TYPE, u32be],
  family: [NFTA_NAT.FAMILY, u32be],
  addressMin: [NFTA_NAT.REG_ADDR_MIN, u32be],
  addressMax: [NFTA_NAT.REG_ADDR_MAX, u32be],
  portMin: [NFTA_NAT.REG_PROTO_MIN, u32be],
  portMax: [NFTA_NAT.REG_PROTO_MAX, u32be],
  flags: [NFTA_NAT.FLAGS, u32be],
} as const;
