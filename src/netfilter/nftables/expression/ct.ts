import { u8, u32be } from "../../../netlink/codec.ts";

/** enum nft_ct_attributes <linux/netfilter/nf_tables.h> */
const NFTA_CT = { DREG: 1, KEY: 2, DIRECTION: 3, SREG: 4 } as const;

/** Properties of a packet's connection. enum nft_ct_keys <linux/netfilter/nf_tables.h> */
export const NFT_CT = { STATE: 0, DIRECTION: 1, STATUS: 2, MARK: 3 } as const;

/** Bits of a connection's state. NF_CT_STATE_BIT in linux/netfilter/nf_conntrack_common.h */
export const CT_STATE = { INVALID: 0x01, ESTABLISHED: 0x02, RELATED: 0x04, NEW: 0x08, UNTRACKED: 0x40 } as const;

/** Bits of a connection's status. enum ip_conntrack_status <linux/netfilter/nf_conntrack_common.h> */
export const IPS = { SRC_NAT: 0x10, DST_NAT: 0x20 } as const;

/** Loads a property of the connection into a register. `direction` is for keys that exist once per direction. */
export const ct = {
  key: [NFTA_CT.KEY, u32be],
  dreg: [NFTA_CT.DREG, u32be],
  direction: [NFTA_CT.DIRECTION, u8],
  sreg: [NFTA_CT.SREG, u32be],
} as const;
