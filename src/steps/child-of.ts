import { type Child, type ChildKind, listChildren, placeOfParent } from "../netlink/link/child.ts";
import { findNetnsId } from "../netlink/netns/get.ts";
import type { Rtnetlink } from "../netlink/socket.ts";
import type { Host } from "./host.ts";
import type { Master } from "./master.ts";

/** A kind of links on a master, and which of them is meant. */
export interface Wanted<K extends ChildKind> {
  readonly kind: K;
  readonly is: (child: Child<K>) => boolean;
}

/**
 * A link on a master: one of the master's namespace or, if the master is the host's, of any other one. Containers have theirs in
 * namespaces of their own. @throws NetlinkError
 */
export function findChildOf<K extends ChildKind>(
  host: Host,
  { link, netlink }: Master,
  wanted: Wanted<K>,
): Child<K> | undefined {
  const own = listOn(netlink, link.index, wanted).find((child) => placeOfParent(netlink, child) !== "elsewhere");
  if (own !== undefined || netlink !== host.netlink) return own;
  const netns = host.openOwnNetns();
  return host.findInNamespaces((each) => findElsewhere(each, link.index, { wanted, netns }));
}

/**
 * A link of the socket's namespace on a link of the namespace `netns`. Links of several namespaces can have one index. If the kernel does
 * not say which namespace it is, it counts as that one.
 */
function findElsewhere<K extends ChildKind>(
  netlink: Rtnetlink,
  index: number,
  { wanted, netns }: { wanted: Wanted<K>; netns: number },
): Child<K> | undefined {
  const candidates = listOn(netlink, index, wanted).filter((child) => placeOfParent(netlink, child) === "elsewhere");
  if (candidates.length === 0) return undefined;
  const number = findNetnsId(netlink, netns);
  return candidates.find(({ parentNetns }) => parentNetns === undefined || parentNetns === number);
}

/** The links of the socket's namespace on a link of that index, in whatever namespace that is. */
function listOn<K extends ChildKind>(netlink: Rtnetlink, index: number, { kind, is }: Wanted<K>): readonly Child<K>[] {
  return listChildren(netlink, kind).filter((child) => child.parent === index && is(child));
}
