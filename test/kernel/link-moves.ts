import { IFF } from "../../src/netlink/link/header.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { type FakeLink, findByName } from "./link.ts";
import { type Machine, tellOfLink } from "./machine.ts";
import type { FakeNamespace } from "./namespace.ts";
import { setMaster } from "./ports.ts";
import { Refusal } from "./refusal.ts";

/**
 * Moves a link to another namespace, as __dev_change_net_namespace() of net/core/dev.c does: under its own name, or under the new one if
 * that is taken there; down, with nothing on it, and with its index if that is free. @throws Refusal EEXIST, EINVAL
 */
export function moveToNamespace(
  machine: Machine,
  { from, to }: { from: FakeNamespace; to: FakeNamespace },
  { link, name }: { link: FakeLink; name: string | undefined },
): FakeLink {
  if (from === to) return link;
  if (link.name === "lo" || link.kind === "bridge") throw new Refusal(ERRNO.EINVAL, "The interface netns is immutable");
  const isTaken = (each: string) => findByName(to, each) !== undefined;
  if (isTaken(link.name) && (name === undefined || isTaken(name))) throw new Refusal(ERRNO.EEXIST);
  if (link.master !== undefined) setMaster(machine, from, link, 0);
  takeOff(from, link);
  const index = to.links.has(link.index) ? to.nextIndex() : link.index;
  const moved: FakeLink = { ...link, index, name: isTaken(link.name) ? (name ?? "") : link.name };
  moved.flags &= ~IFF.UP;
  to.links.set(index, moved);
  sortByIndex(to);
  to.sysctls.addLink(moved.name);
  const peer = link.peer?.namespace.links.get(link.peer.index);
  if (peer !== undefined) peer.peer = { namespace: to, index };
  tellOfLink(to, index);
  return moved;
}

/** Takes a link from its namespace, with all that is on it. */
export function takeOff(namespace: FakeNamespace, { index, name }: FakeLink): void {
  namespace.links.delete(index);
  namespace.addresses = namespace.addresses.filter((each) => each.index !== index);
  namespace.qdiscs = namespace.qdiscs.filter(({ header }) => header.index !== index);
  namespace.filters = namespace.filters.filter(({ header }) => header.index !== index);
  namespace.routes = namespace.routes.flatMap((route) => {
    const ways = route.ways.filter((way) => way.index !== index);
    return ways.length === 0 ? [] : [{ ...route, ways }];
  });
  namespace.sysctls.deleteLink(name);
  tellOfLink(namespace, index);
}

function sortByIndex({ links }: FakeNamespace): void {
  const sorted = [...links].sort(([a], [b]) => a - b);
  links.clear();
  for (const [index, link] of sorted) links.set(index, link);
}
