import { type Attachment, isSelected, keyNumbers, ownerComment, ownerKey, type Selection } from "../netfilter/owner.ts";
import { encodeFields } from "../netlink/fields.ts";
import { LINK_FIELDS } from "../netlink/link/attributes.ts";
import { listKind } from "../netlink/link/list.ts";
import type { Link } from "../netlink/link/message.ts";
import type { LinkChanges } from "../netlink/link/set.ts";
import type { Host } from "./host.ts";

/**
 * Bits of a claim. The network's half always has one bit set, because 0 means no claim. The mask of the other half keeps the
 * claim positive.
 */
const NETWORK_BITS = 0xffff;
const NEVER_NONE = 0x1;
const ATTACHMENT_BITS = 0x7fff;

/** The alias, and until it is set the group, that marks a link as ours without naming an attachment. */
export interface Mark {
  readonly alias: string;
  readonly group: number;
}

/** Whether a link has the mark: in its alias, or in its group as long as it has no alias. */
export function isMarked(mark: Mark, link: Pick<Link, "alias" | "group">): boolean {
  return link.alias === mark.alias || isUnnamed(mark, link);
}

/** Whether a marked link has no alias yet, because it was just made or a killed call left it. */
export function isUnnamed({ group }: Mark, link: Pick<Link, "alias" | "group">): boolean {
  return link.alias === "" && link.group === group;
}

/** The change that gives a marked link its alias and takes it out of the group that it was made in. */
export function marked({ alias }: Mark): Pick<LinkChanges, "alias" | "group"> {
  return { alias, group: 0 };
}

/**
 * The group that a link is made in. The kernel accepts a group but no alias in the request that creates a link. Until the link
 * has its alias, the group names the owner, also after a killed call.
 */
export function claimOf(owner: Attachment): number {
  return claim(ownerKey(owner));
}

/**
 * The change that sets the owner as the link's alias, in the format of the nftables comments, and takes the link out of the
 * group that it was made in.
 */
export function ownership(owner: Attachment): Pick<LinkChanges, "alias" | "group"> {
  return { alias: ownerComment(owner), group: 0 };
}

/** Whether a link belongs to the selection: by its alias, or by its group as long as it has no alias. */
export function isOwned(selection: Selection, { alias, group }: Pick<Link, "alias" | "group">): boolean {
  return alias === "" ? isClaimed(selection, group) : isSelected(selection, alias);
}

/** The links of a kind that belong to the selection. It lists all links of that kind. @throws NetlinkError */
export function listOwned(host: Host, kind: "veth" | "ifb", selection: Selection): readonly Link[] {
  const group = encodeFields(LINK_FIELDS, { group: claim(selection.key) });
  // The network's half comes first in the bytes.
  const claimed = hasAttachment(selection) ? group : group.subarray(0, -2);
  return listKind(host.netlink, kind, [selection.key, claimed]).filter((link) => isOwned(selection, link));
}

function isClaimed(selection: Selection, group: number): boolean {
  const wanted = claim(selection.key);
  if (hasAttachment(selection)) return group === wanted;
  // Groups that an administrator sets are small numbers.
  return (
    group > NETWORK_BITS &&
    (group & NETWORK_BITS) === wanted &&
    ![...selection.except].some((key) => claim(key) === group)
  );
}

function hasAttachment({ key }: Selection): boolean {
  return keyNumbers(key).attachment !== undefined;
}

/** The claim for a key. For a network's key the other half is 0, which an attachment's key never gives. */
function claim(key: string): number {
  const { network, attachment } = keyNumbers(key);
  const half = attachment === undefined ? 0 : attachment & ATTACHMENT_BITS || 1;
  return (half << 16) | network | NEVER_NONE;
}
