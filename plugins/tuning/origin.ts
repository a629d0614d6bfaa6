import { type Attachment, isOwnerComment, isSelected, selectOwner } from "../../src/netfilter/owner.ts";
import { findOtherEnd } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import type { Host } from "../../src/steps/host.ts";

/** Whether a container's interface belongs to another attachment, by the alias of its end on the host. False without an alias. */
export function isOthers({ netlink }: Host, inside: Link, owner: Attachment): boolean {
  const alias = findOtherEnd(netlink, inside)?.alias ?? "";
  return isOwnerComment(alias) && !isSelected(selectOwner(owner), alias);
}
