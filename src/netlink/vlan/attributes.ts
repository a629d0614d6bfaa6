import { u16 } from "../codec.ts";
import { struct } from "../struct.ts";

/** A bridge's data about a port, inside IFLA_AF_SPEC. <linux/if_bridge.h> */
export const IFLA_BRIDGE = { FLAGS: 0, VLAN_INFO: 2 } as const;

/** The target of IFLA_BRIDGE_FLAGS: the bridge that the link is a port of. <linux/if_bridge.h> */
export const BRIDGE_FLAGS = { MASTER: 1 } as const;

/** Flags of struct bridge_vlan_info. <linux/if_bridge.h> */
export const BRIDGE_VLAN_INFO = { PVID: 0x2, UNTAGGED: 0x4, RANGE_BEGIN: 0x8, RANGE_END: 0x10 } as const;

/** A list of VLANs: one entry for each range of VLANs with equal flags. <linux/if_bridge.h> */
export const BRIDGE_VLANDB = { ENTRY: 1 } as const;

/** The parts of an entry: the first VLAN, and the last ID of a range. <linux/if_bridge.h> */
const BRIDGE_VLANDB_ENTRY = { INFO: 1, RANGE: 2 } as const;

/** sizeof(struct bridge_vlan_info): u16 flags, u16 ID. */
const VLAN_INFO_SIZE = 4;

/** struct bridge_vlan_info; `flags` are BRIDGE_VLAN_INFO bits. <linux/if_bridge.h> */
export const vlanInfo = struct("struct bridge_vlan_info", VLAN_INFO_SIZE, { flags: [0, u16], id: [2, u16] });

export type VlanInfo = ReturnType<typeof vlanInfo.decode>;

/** The attributes of an entry that we use. */
export const ENTRY_FIELDS = {
  info: [BRIDGE_VLANDB_ENTRY.INFO, vlanInfo],
  last: [BRIDGE_VLANDB_ENTRY.RANGE, u16],
} as const;
