import { u8, u32be } from "../../../netlink/codec.ts";

/** enum nft_ct_attributes <linux/netfilter/nf_tables.h> */
const NFTA_CT = { DREG: 1, KEY: 2, DIRECTION: 3, SREG: 4 } as const;

/** Facts about a packet's connection. enum nft_ct_keys <linux/netfilter/nf_tables.h> */
export const NFT_CT = { STATE: 0, DIRECTION: 1, STATUS: 2, MARK: 3 } as const;

/** A connection's state, a bit each: NF_CT_STATE_BIT in linux/netfilter/nf_conntrack_common.h. */
export const CT_STATE = { INVALID: 0x01, ESTABLISHED: 0x02, RELATED: 0x04, NEW: 0x08, UNTRACKED: 0x40 } as const;

/** What became of a connection, a bit each. enum ip_conntrack_status <linux/netfilter/nf_conntrack_common.h> */
export const IPS = { SRC_NAT: 0x10, DST_NAT: 0x20 } as const;

/** Loads a fact about the connection into a register. `direction` is for keys that each of its directions has. */
export const ct = {
  key: [NFTA_CT.KEY, u32be],
  dreg: [NFTA_CT.DREG, u32be],
  direction: [NFTA_CT.DIRECTION, u8],
  sreg: [NFTA_CT.SREG, u32be],
} as const;
