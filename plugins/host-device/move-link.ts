import { findLink, getLink } from "../../src/netlink/link/get.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { moveLinkTo } from "../../src/netlink/link/move.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";

/** A network namespace: a socket inside it, and a descriptor of it. */
export interface Namespace {
  readonly netlink: Rtnetlink;
  readonly netns: number;
}

/**
 * Moves a link into a namespace under a new name, in one request. Nobody outside sees the new name, unless the namespace has another link
 * of the former one. An error may leave the link on either side, under either name, because the kernel moves it first and renames it
 * then; the caller undoes that. Returns the link inside, which is down. @throws NetlinkError EEXIST if the name is taken
 */
export function moveLinkIn(
  from: Rtnetlink,
  to: Namespace,
  { link, name, alias }: { readonly link: LinkId; readonly name: string; readonly alias: string },
): Link {
  moveLinkTo(from, link, { netns: to.netns, name, alias });
  return getLink(to.netlink, name);
}

/**
 * Moves a link out of a namespace under a new name, and returns it as it is outside, down. It gets the name before it leaves, so that
 * nobody outside sees another one, unless another link inside has that name. If the kernel refuses, the link has its former name and state
 * again. @throws NetlinkError EEXIST if the name is taken outside
 */
export function moveLinkOut(from: Namespace, to: Namespace, { link, name }: { link: Link; name: string }): Link {
  const { netlink } = from;
  try {
    // Before Linux 6.2 a link that is up cannot be renamed.
    if (link.up) setLink(netlink, link, { up: false });
    const isFree = link.name === name || findLink(netlink, name) === undefined;
    if (isFree && link.name !== name) setLink(netlink, link, { name });
    moveLinkTo(netlink, { ...link, name: isFree ? name : link.name }, { netns: to.netns, name });
  } catch (error) {
    restoreInside(netlink, link);
    throw error;
  }
  return getLink(to.netlink, name);
}

/** Gives a link that has not left its former name and state. */
function restoreInside(netlink: Rtnetlink, link: Link): void {
  const now = findLink(netlink, link.index);
  if (now === undefined) return;
  if (now.name !== link.name) setLink(netlink, now, { name: link.name });
  if (now.up !== link.up) setLink(netlink, link, { up: link.up });
}
