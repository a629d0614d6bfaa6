import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink } from "../socket.ts";
import type { LinkId } from "./message.ts";
import { encodeLink } from "./message.ts";

/** Deletes a link, like `ip link delete dev NAME`; of a veth, both ends. @throws NetlinkError ENODEV, EOPNOTSUPP for lo */
export function deleteLink(netlink: Netlink, link: LinkId): void {
  const payload = encodeLink({ header: { index: link.index }, attributes: {} });
  netlink.request({ type: RTM.DELLINK, flags: NLM_F.ACK, payload, action: `delete link "${link.name}"` });
}
