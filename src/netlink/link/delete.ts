import type { NetlinkRequest } from "../answers.ts";
import { NLM_F } from "../message.ts";
import type { Pending } from "../pending.ts";
import { RTM } from "../rtnetlink.ts";
import type { Netlink, Rtnetlink } from "../socket.ts";
import type { LinkId } from "./message.ts";
import { encodeLink } from "./message.ts";

/** Deletes a link, like `ip link delete dev NAME`, and for a veth also the other end. @throws NetlinkError ENODEV, EOPNOTSUPP for lo */
export function deleteLink(netlink: Rtnetlink, link: LinkId): void {
  netlink.request(deletion(link));
}

/**
 * Starts to delete a link. The link disappears after 1 or 2 ms of about 15 ms; then the kernel waits for an RCU grace period
 * (rcu_barrier). `held` stays open until that is over.
 */
export function beginDeletion(netlink: Rtnetlink, link: LinkId, held?: Netlink): Pending {
  return netlink.begin(deletion(link), held);
}

function deletion(link: LinkId): NetlinkRequest {
  const payload = encodeLink({ header: { index: link.index }, attributes: {} });
  return { type: RTM.DELLINK, flags: NLM_F.ACK, payload, action: `delete link "${link.name}"` };
}
