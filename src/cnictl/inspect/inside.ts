import { formatAddress } from "../../ip/address.ts";
import { formatPrefix } from "../../ip/prefix.ts";
import { listAddresses } from "../../netlink/address/list.ts";
import { findLink } from "../../netlink/link/get.ts";
import { listLinks } from "../../netlink/link/list.ts";
import type { Link, LinkId } from "../../netlink/link/message.ts";
import { listRoutes } from "../../netlink/route/list.ts";
import type { KernelRoute } from "../../netlink/route/message.ts";
import { openRtnetlink, type Rtnetlink } from "../../netlink/socket.ts";

/** What a network namespace contains. */
export interface Inside {
  readonly links: readonly InsideLink[];
  /** The routes of the main table. */
  readonly routes: readonly InsideRoute[];
}

export interface InsideLink {
  readonly name: string;
  readonly kind: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly mac: string;
  readonly addresses: readonly string[];
}

export interface InsideRoute {
  readonly destination: string;
  /** "" if there is none. */
  readonly gateway: string;
  readonly link: string;
  readonly metric: number;
}

/** The link of that name with its addresses; undefined if the namespace has none. @throws LinuxError if it cannot be opened */
export function findInside(netns: string, ifname: string): InsideLink | undefined {
  const netlink = openRtnetlink({ netns });
  try {
    const link = findLink(netlink, ifname);
    return link && describeLink(link, addressesOf(netlink, link));
  } finally {
    netlink.close();
  }
}

/** Lists the links, addresses and routes of a namespace. @throws LinuxError if it cannot be opened */
export function lookInside(netns: string): Inside {
  const netlink = openRtnetlink({ netns });
  try {
    const links = listLinks(netlink);
    const names = new Map(links.map(({ index, name }) => [index, name]));
    const routes = ([4, 6] as const).flatMap((family) => listRoutes(netlink, { family }));
    return {
      links: links.map((link) => describeLink(link, addressesOf(netlink, link))),
      routes: routes.flatMap((route) => describeRoute(route, names)),
    };
  } finally {
    netlink.close();
  }
}

function addressesOf(netlink: Rtnetlink, link: LinkId): readonly string[] {
  return listAddresses(netlink, link).map(({ prefix }) => formatPrefix(prefix));
}

function describeLink({ name, kind, up, mtu, mac }: Link, addresses: readonly string[]): InsideLink {
  return { name, kind, up, mtu, mac, addresses };
}

/** A multipath route is shown once for each next hop. */
function describeRoute(route: KernelRoute, names: ReadonlyMap<number, string>): readonly InsideRoute[] {
  const { nextHops, gateway: only, index: through } = route;
  const hops =
    nextHops.length > 0
      ? nextHops.map(({ index, attributes }) => ({ index, gateway: attributes.gateway }))
      : [{ index: through, gateway: only }];
  return hops.map(({ gateway, index }) => ({
    destination: route.destination.length === 0 ? "default" : formatPrefix(route.destination),
    gateway: gateway === undefined ? "" : formatAddress(gateway),
    link: names.get(index ?? 0) ?? "",
    metric: route.priority,
  }));
}
