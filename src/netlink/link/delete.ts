import type { NetlinkRequest } from "../answers.ts";
import { NLM_F } from "../message.ts";
import type { Pending } from "../pending.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink, Rtnetlink } from "../socket.ts";
import type { LinkId } from "./message.ts";
import { encodeLink } from "./message.ts";

/** Deletes a link, like `ip link delete dev NAME`; of a veth, both ends. @throws NetlinkError ENODEV, EOPNOTSUPP for lo */
export function deleteLink(netlink: Rtnetlink, link: LinkId): void {
  netlink.request(deletion(link));
}

/**
 * The same, but begun. Of the 15 ms that it takes the link is there for the first one or two; then the kernel waits until nobody can
 * be looking at it any more (rcu_barrier). `held` stays open until then.
 */
export function beginDeletion(netlink: Rtnetlink, link: LinkId, held?: Netlink): Pending {
  return netlink.begin(deletion(link), held);
}

function deletion(link: LinkId): NetlinkRequest {
  const payload = encodeLink({ header: { index: link.index }, attributes: {} });
  return { type: RTM.DELLINK, flags: NLM_F.ACK, payload, action: `delete link "${link.name}"` };
}
