import { type Attachment, isOwnerComment, isSelected, selectOwner } from "../../src/netfilter/owner.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Host } from "../../src/steps/host.ts";

/** Whether a container's interface belongs to another attachment, by the alias of its end on the host. False without an alias. */
export function isOthers({ netlink }: Host, inside: Link, owner: Attachment): boolean {
  const port = inside.peer === undefined ? undefined : findLink(netlink, inside.peer);
  if (port === undefined || port.peer !== inside.index) return false;
  return isOwnerComment(port.alias) && !isSelected(selectOwner(owner), port.alias);
}
