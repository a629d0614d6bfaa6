import { formatAddress, offsetAddress } from "../../ip/address.ts";
import { formatPrefix, lastAddress, networkAddress, type Prefix, prefixesOverlap } from "../../ip/prefix.ts";
import { findLink } from "../../netlink/link/get.ts";
import { RT_TABLE, RTN } from "../../netlink/route/header.ts";
import { findRoute, listRoutesWithin } from "../../netlink/route/list.ts";
import { type KernelRoute, linkOf } from "../../netlink/route/message.ts";
import type { Host } from "../../steps/host.ts";
import { type Check, type Examination, orCannotTell } from "./examination.ts";
import type { Found } from "./finding.ts";
import { type AddressRange, type Needs, needsOf, ownLinks } from "./needs.ts";

/** Plugins whose containers are on a LAN of the host. */
const LAN_TYPES = ["macvlan", "ipvlan", "vlan", "host-device"];

/** Addresses and routes that compete with a network's subnet. */
export const clashCheck: Check = {
  name: "clash",
  run: (examination) => {
    const needs = examination.networks.map(needsOf);
    return needs.flatMap((each, index) => [
      ...needs.slice(index + 1).flatMap((other) => compare(each, other)),
      ...orCannotTell(each.name, () => judgeSubnets(examination, each)),
    ]);
  },
};

/** Two networks that give the same addresses to different containers. On a LAN, they may share its subnet. */
function compare(one: Needs, other: Needs): readonly Found[] {
  const isShared = isOnLan(one) && isOnLan(other);
  const pairs = one.ranges.flatMap((range) =>
    other.ranges
      .filter((each) => (isShared ? rangesOverlap(range, each) : prefixesOverlap(range.subnet, each.subnet)))
      .map((each) => [formatPrefix(range.subnet), formatPrefix(each.subnet)] as const),
  );
  const found = new Map(pairs.map((pair) => [pair.join(" "), pair]));
  return [...found.values()].map(([subnet, theirs]) => ({
    level: "error",
    subject: one.name,
    message: `its subnet ${subnet} overlaps ${theirs} of network ${other.name}: two containers may get one address`,
    cure: isShared ? "set rangeStart and rangeEnd of both" : `give network ${other.name} a subnet of its own`,
  }));
}

function isOnLan({ types, bridges, ptps }: Needs): boolean {
  return bridges.length + ptps.length === 0 && types.some((type) => LAN_TYPES.includes(type));
}

function rangesOverlap(one: AddressRange, other: AddressRange): boolean {
  if (one.first.family !== other.first.family) return false;
  return one.first.value <= other.last.value && other.first.value <= one.last.value;
}

/**
 * The host routes to containers of `bridge` and `ptp`. Those of `macvlan`, `ipvlan`, `vlan` and `host-device` are on a LAN, in which the
 * host may have an address too, and nobody knows which links another plugin makes.
 */
function judgeSubnets({ host, inventory }: Examination, needs: Needs): readonly Found[] {
  const { name, bridges, ptps, subnets } = needs;
  if (bridges.length + ptps.length === 0 || subnets.length === 0) return [];
  const attached = inventory().attachments.filter(({ network }) => network === name);
  const names = attached.flatMap(({ cached, links }) => [
    ...(cached?.hostLinks ?? []),
    ...links.map((link) => link.name),
  ]);
  const own = [...new Set([...ownLinks(needs), ...names])].flatMap((link) => findLink(host.netlink, link)?.index ?? []);
  return subnets.flatMap((subnet) => judgeSubnet(host, { name, own, subnet }));
}

/**
 * The host's addresses and routes in a network's subnet that are not of its own links, which are given by index, and the route that covers
 * all of it.
 */
function judgeSubnet(
  host: Host,
  { name, own, subnet }: { name: string; own: readonly number[]; subnet: Prefix },
): readonly Found[] {
  const isOther = (route: KernelRoute) => {
    const index = linkOf(route);
    return index !== undefined && !own.includes(index);
  };
  const within = (table: number, type: number) =>
    listRoutesWithin(host.netlink, subnet, { table }).filter((route) => route.type === type && isOther(route));
  const addresses = within(RT_TABLE.LOCAL, RTN.LOCAL);
  const routes = within(RT_TABLE.MAIN, RTN.UNICAST);
  const text = formatPrefix(subnet);
  const subject = name;
  const cure = `give network ${name} another subnet, or change the other one`;
  const found: readonly Found[] = [
    ...addresses.map(({ destination, ...route }) => ({
      level: "error" as const,
      subject,
      message: `link ${linkName(host, linkOf(route))} has the address ${formatAddress(destination.address)}, in its subnet ${text}`,
      cure,
    })),
    ...routes.map(({ destination, ...route }) => ({
      level: destination.length === subnet.length ? ("error" as const) : ("warning" as const),
      subject,
      message: `the host's route to ${formatPrefix(destination)} through link ${linkName(host, linkOf(route))} takes packets for its subnet ${text}`,
      cure,
    })),
    ...(own.length === 0 ? findCover(host, subnet) : []).map(({ destination, ...route }) => ({
      level: "note" as const,
      subject,
      message: `the host reaches ${formatPrefix(destination)} through link ${linkName(host, linkOf(route))}; the part ${text} of it will be the containers'`,
      cure,
    })),
  ];
  return found.length > 0 ? found : [{ level: "ok", subject, message: `nothing else has ${text}` }];
}

/** The route, wider than the subnet, that all of it takes now; nothing if that is a default route. */
function findCover(host: Host, subnet: Prefix): readonly KernelRoute[] {
  const first = networkAddress(subnet);
  const inside = first.value === lastAddress(subnet).value ? first : offsetAddress(first, 1n);
  const route = findRoute(host.netlink, inside, { whole: true });
  if (route === undefined || route.type !== RTN.UNICAST) return [];
  return route.destination.length > 0 && route.destination.length < subnet.length ? [route] : [];
}

function linkName(host: Host, index: number | undefined): string {
  const link = index === undefined ? undefined : findLink(host.netlink, index);
  return link === undefined ? `${index}` : `"${link.name}"`;
}
