import type { IpConfig, Result, Route } from "../cni/result.ts";
import { ADDRESS_BITS, type Address, type Family, formatAddress, isSameAddress, isUnspecified } from "../ip/address.ts";
import { formatPrefix, isSamePrefix, network, networkAddress, type Prefix, prefixContains } from "../ip/prefix.ts";
import { findAddresses, listFirstAddresses } from "../netlink/address/list.ts";
import { findChild } from "../netlink/link/child.ts";
import type { Link, LinkId } from "../netlink/link/message.ts";
import { ELSEWHERE } from "../netlink/route/default.ts";
import { RT_TABLE } from "../netlink/route/header.ts";
import { findRoute, listRoutes } from "../netlink/route/list.ts";
import type { KernelRoute } from "../netlink/route/message.ts";
import type { Rtnetlink } from "../netlink/socket.ts";
import { findRules } from "./routing-tables.ts";

/** How many of a link's addresses one sentence lists. */
const FEW = 8;

/**
 * The addresses and routes of the result that an interface lacks, as sentences. Addresses of other interfaces in the result are
 * ignored. The interface may have more than the result reports.
 */
export function checkAddresses(netlink: Rtnetlink, link: Link, result: Result): string[] {
  const prefixes = addressesOf(result, link.name).map(({ address }) => address);
  const networks = prefixes
    .filter(({ address, length }) => length < ADDRESS_BITS[address.family])
    .map((prefix) => ({ dst: network(prefix) }));
  const home = homeTable(netlink, link);
  const isReachable = routeFinder(netlink, { wanted: [...networks, ...result.routes], own: prefixes, home });
  return [
    ...missingAddresses(netlink, link, { what: `Interface "${link.name}"`, prefixes }),
    ...networks
      .filter((route) => !isReachable(route))
      .map(({ dst }) => `Interface "${link.name}" has no route to its network ${formatPrefix(dst)}`),
    ...result.routes.filter((route) => !isReachable(route)).map((route) => `Route ${describe(route)} is missing`),
  ];
}

/** The addresses that a result gives an interface: those that it does not give another one. */
export function addressesOf({ ips, interfaces }: Result, ifname: string): readonly IpConfig[] {
  return ips.filter((ip) => {
    const holder = ip.interface === undefined ? undefined : interfaces[ip.interface];
    return holder === undefined || holder.name === ifname;
  });
}

/** The addresses that a link lacks, as sentences about `what`. The link may have other addresses. */
export function missingAddresses(
  netlink: Rtnetlink,
  link: LinkId,
  { what, prefixes }: { what: string; prefixes: readonly Prefix[] },
): string[] {
  if (prefixes.length === 0) return [];
  const present = findAddresses(netlink, link, prefixes);
  const missing = prefixes.filter((wanted) => !present.some(({ prefix }) => isSamePrefix(prefix, wanted)));
  if (missing.length === 0) return [];
  const found = listFirstAddresses(netlink, link, FEW + 1).map(({ prefix }) => prefix);
  return missing.map((prefix) => `${what} has no address ${formatPrefix(prefix)}, found ${list(found)}`);
}

/** The table of an interface's routes that name none: main, or that of the VRF that it has joined since. */
function homeTable(netlink: Rtnetlink, { master }: Link): number {
  const vrf = master === undefined ? undefined : findChild(netlink, "vrf", master);
  return vrf?.settings.table ?? RT_TABLE.MAIN;
}

/**
 * Returns a function that says whether a container has one of the `wanted` routes. `home` is the table of those that name none. Of main
 * it first asks the kernel for the route that a packet would take. It lists the routes only if that is another route, because a container
 * may have hundreds of thousands.
 */
function routeFinder(
  netlink: Rtnetlink,
  { wanted, own, home }: { wanted: readonly Route[]; own: readonly Prefix[]; home: number },
): (route: Route) => boolean {
  const tables = new Map<string, readonly KernelRoute[]>();
  const listed = (family: Family, table: number): readonly KernelRoute[] => {
    const key = `${family} ${table}`;
    const destinations = wanted.map(({ dst }) => dst).filter(({ address }) => address.family === family);
    const routes = tables.get(key) ?? listRoutes(netlink, { family, table, destinations });
    tables.set(key, routes);
    return routes;
  };
  return (route) => {
    const isOfMain = tableOf(route) === RT_TABLE.MAIN;
    const wantedTable = isOfMain ? home : tableOf(route);
    const way = wantedTable === RT_TABLE.MAIN ? findWay(netlink, route.dst, own) : undefined;
    if (way !== undefined && matches(way, route)) return true;
    const { family } = route.dst.address;
    const isIn = (table: number) => listed(family, table).some((found) => matches(found, { ...route, table }));
    return isIn(wantedTable) || (isOfMain && findOwnTables(netlink, family, own).some(isIn));
  };
}

/** The tables to which rules lead packets from the container's own addresses: `sbr` moves routes there from main. */
function findOwnTables(netlink: Rtnetlink, family: Family, own: readonly Prefix[]): readonly number[] {
  const rules = findRules(netlink, family);
  const isOwn = (source: Prefix) => own.some(({ address }) => prefixContains(source, address));
  return rules.flatMap(({ source, table }) => (source !== undefined && isOwn(source) ? [table] : []));
}

/** The route that a packet to an address in the prefix takes; undefined if there is none. */
function findWay(netlink: Rtnetlink, prefix: Prefix, own: readonly Prefix[]): KernelRoute | undefined {
  const isOwn = (address: Address) => own.some((each) => isSameAddress(each.address, address));
  const first = networkAddress(prefix);
  const inside = [1n, 2n]
    .map((by) => ({ ...first, value: first.value + by }))
    .filter((each) => prefixContains(prefix, each));
  // The network's first address may be a broadcast or anycast address. The container's own address needs no route.
  const [address = first] = [...inside, first].filter((each) => !isOwn(each));
  const target = prefix.length === 0 ? ELSEWHERE[prefix.address.family] : address;
  return findRoute(netlink, target, { whole: true });
}

/** A default route matches with any gateway, because another plugin or the container may have changed it. */
function matches(found: KernelRoute, wanted: Route): boolean {
  if (found.table !== tableOf(wanted) || !isSamePrefix(found.destination, network(wanted.dst))) return false;
  const { gw } = wanted;
  // A gateway of 0.0.0.0 is none, to the kernel as well.
  if (wanted.dst.length === 0 || gw === undefined || isUnspecified(gw)) return true;
  const gateways = [found.gateway, ...found.nextHops.map((hop) => hop.attributes.gateway)];
  return gateways.some((gateway) => gateway !== undefined && isSameAddress(gateway, gw));
}

function tableOf({ table = RT_TABLE.UNSPEC }: Route): number {
  return table === RT_TABLE.UNSPEC ? RT_TABLE.MAIN : table;
}

function list(prefixes: readonly Prefix[]): string {
  const more = prefixes.length > FEW ? ", …" : "";
  return prefixes.length === 0 ? "none" : `${prefixes.slice(0, FEW).map(formatPrefix).join(", ")}${more}`;
}

function describe({ dst, gw, table }: Route): string {
  const via = gw === undefined ? "" : ` via ${formatAddress(gw)}`;
  return `${formatPrefix(dst)}${via}${table === undefined ? "" : ` in table ${table}`}`;
}
