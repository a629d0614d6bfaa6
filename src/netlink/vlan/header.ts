import { u8, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** sizeof(struct br_vlan_msg) */
const VLAN_HEADER_SIZE = 8;

/** struct br_vlan_msg, the header of a message about the VLANs of a bridge or a port. `index` is the link's. <linux/if_bridge.h> */
export const vlanHeader = struct("struct br_vlan_msg", VLAN_HEADER_SIZE, {
  family: [0, u8],
  index: [4, u32],
});
