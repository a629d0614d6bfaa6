import { AF } from "../../linux/socket.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { vlanHeader } from "./header.ts";
import { type PortVlan, readVlans } from "./message.ts";

/**
 * The VLANs of a bridge or a bridge port, in ascending order, like `bridge -details vlan show dev NAME`. Unlike RTM_GETLINK, it reads
 * only this link. @throws NetlinkError EINVAL if the link is neither, EOPNOTSUPP before Linux 5.6 or without
 * CONFIG_BRIDGE_VLAN_FILTERING
 */
export function listVlans(netlink: Rtnetlink, link: LinkId): readonly PortVlan[] {
  const payload = vlanHeader.encode({ family: AF.BRIDGE, index: link.index });
  const action = `list the VLANs of "${link.name}"`;
  const messages = netlink.request({ type: RTM.GETVLAN, flags: NLM_F.DUMP, payload, action });
  return messages
    .map((message) => readVlans(message.payload))
    .filter(({ index }) => index === link.index)
    .flatMap(({ vlans }) => vlans);
}
