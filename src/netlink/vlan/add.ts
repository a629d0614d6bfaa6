import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodePortVlans, formatVlanIds, type PortVlan } from "./message.ts";

/**
 * Puts a bridge port into VLANs, given in ascending order, like `bridge vlan add dev NAME vid ID … master`. One that it is
 * in already becomes as given. @throws NetlinkError EOPNOTSUPP when it is no port, or the kernel lacks CONFIG_BRIDGE_VLAN_FILTERING
 */
export function addVlans(netlink: Rtnetlink, port: LinkId, vlans: readonly PortVlan[]): void {
  const action = `add VLANs ${formatVlanIds(vlans.map(({ id }) => id))} to bridge port "${port.name}"`;
  netlink.request({ type: RTM.SETLINK, flags: NLM_F.ACK, payload: encodePortVlans(port, vlans), action });
}
