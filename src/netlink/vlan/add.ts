import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodePortVlans, formatVlanIds, type PortVlan } from "./message.ts";

/**
 * Adds VLANs, in ascending order, to a bridge port, like `bridge vlan add dev NAME vid ID … master`. The settings of a VLAN that the
 * port already has are replaced. @throws NetlinkError EOPNOTSUPP if the link is not a bridge port, or the kernel lacks
 * CONFIG_BRIDGE_VLAN_FILTERING
 */
export function addVlans(netlink: Rtnetlink, port: LinkId, vlans: readonly PortVlan[]): void {
  const action = `add VLANs ${formatVlanIds(vlans.map(({ id }) => id))} to bridge port "${port.name}"`;
  netlink.request({ type: RTM.SETLINK, flags: NLM_F.ACK, payload: encodePortVlans(port, vlans), action });
}
