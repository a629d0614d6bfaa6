import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodePortVlans, formatVlanIds } from "./message.ts";

/**
 * Removes VLANs, in ascending order, from a bridge port, like `bridge vlan delete dev NAME vid ID … master`. A VLAN that the port does
 * not have is no error. @throws NetlinkError EOPNOTSUPP if the link is not a bridge port, or the kernel lacks
 * CONFIG_BRIDGE_VLAN_FILTERING
 */
export function deleteVlans(netlink: Rtnetlink, port: LinkId, ids: readonly number[]): void {
  const payload = encodePortVlans(
    port,
    ids.map((id) => ({ id, pvid: false, untagged: false })),
  );
  const action = `delete VLANs ${formatVlanIds(ids)} from bridge port "${port.name}"`;
  netlink.request({ type: RTM.DELLINK, flags: NLM_F.ACK, payload, action });
}
