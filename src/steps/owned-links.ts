import { type Attachment, isSelected, keyNumbers, ownerComment, ownerKey, type Selection } from "../netfilter/owner.ts";
import { encodeFields } from "../netlink/fields.ts";
import { LINK_FIELDS } from "../netlink/link/attributes.ts";
import { listKind } from "../netlink/link/list.ts";
import type { Link } from "../netlink/link/message.ts";
import type { LinkChanges } from "../netlink/link/set.ts";
import type { Host } from "./host.ts";

/** Bits of a claim: the network's half, one of which is always set, for no claim is 0; those of the other half that keep it positive. */
const NETWORK_BITS = 0xffff;
const NEVER_NONE = 0x1;
const ATTACHMENT_BITS = 0x7fff;

/** What says of a link that is nobody's in particular that it is ours: its alias, and the group that it is made in. */
export interface Mark {
  readonly alias: string;
  readonly group: number;
}

/** Whether a link has the mark, by its alias or, as long as it has none, by its group. */
export function isMarked(mark: Mark, link: Pick<Link, "alias" | "group">): boolean {
  return link.alias === mark.alias || isUnnamed(mark, link);
}

/** Whether such a link has not got its alias yet: it was made just now, or a killed call left it. */
export function isUnnamed({ group }: Mark, link: Pick<Link, "alias" | "group">): boolean {
  return link.alias === "" && link.group === group;
}

/** What such a link is given next, with which it leaves the group that it was made in. */
export function marked({ alias }: Mark): Pick<LinkChanges, "alias" | "group"> {
  return { alias, group: 0 };
}

/**
 * The group that a link is made in: the kernel takes no alias in the request that makes a link, but a group. Until the link
 * has its alias, the group says whose it is, of whatever a killed call leaves.
 */
export function claimOf(owner: Attachment): number {
  return claim(ownerKey(owner));
}

/** What a link is given next: its alias says whose it is, in the words of nftables' comments, and it leaves the group that it was made in. */
export function ownership(owner: Attachment): Pick<LinkChanges, "alias" | "group"> {
  return { alias: ownerComment(owner), group: 0 };
}

/** Whether a link belongs to what is selected, by its alias or, as long as it has none, by its group. */
export function isOwned(selection: Selection, { alias, group }: Pick<Link, "alias" | "group">): boolean {
  return alias === "" ? isClaimed(selection, group) : isSelected(selection, alias);
}

/** The links of a kind that belong to what is selected. It asks for all of that kind. @throws NetlinkError */
export function listOwned(host: Host, kind: "veth" | "ifb", selection: Selection): readonly Link[] {
  const group = encodeFields(LINK_FIELDS, { group: claim(selection.key) });
  // The network's half comes first in the bytes.
  const claimed = hasAttachment(selection) ? group : group.subarray(0, -2);
  return listKind(host.netlink, kind, [selection.key, claimed]).filter((link) => isOwned(selection, link));
}

function isClaimed(selection: Selection, group: number): boolean {
  const wanted = claim(selection.key);
  if (hasAttachment(selection)) return group === wanted;
  // A group that somebody else gave is a small number.
  return (
    group > NETWORK_BITS &&
    (group & NETWORK_BITS) === wanted &&
    ![...selection.except].some((key) => claim(key) === group)
  );
}

function hasAttachment({ key }: Selection): boolean {
  return keyNumbers(key).attachment !== undefined;
}

/** Of a network's key alone, the other half is 0, as it never is of an attachment's. */
function claim(key: string): number {
  const { network, attachment } = keyNumbers(key);
  const half = attachment === undefined ? 0 : attachment & ATTACHMENT_BITS || 1;
  return (half << 16) | network | NEVER_NONE;
}
