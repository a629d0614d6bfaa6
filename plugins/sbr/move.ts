import { CniError } from "../../src/cni/error.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { type Address, formatAddress, isLinkLocal } from "../../src/ip/address.ts";
import { isSamePrefix, isSingle, network, prefixContains, single } from "../../src/ip/prefix.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { addRoute, type NewRoute } from "../../src/netlink/route/add.ts";
import { deleteRoute } from "../../src/netlink/route/delete.ts";
import { RT_SCOPE, RT_TABLE, RTPROT } from "../../src/netlink/route/header.ts";
import type { KernelRoute } from "../../src/netlink/route/message.ts";
import {
  addWholeRoute,
  deleteWholeRoute,
  identifyWhole,
  inTable,
  listWholeRoutes,
  onLinkFirst,
  type WholeRoute,
} from "../../src/netlink/route/whole.ts";
import { addRule, deleteRule } from "../../src/netlink/rule/change.ts";
import type { PolicyRule } from "../../src/netlink/rule/message.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { chooseTables, findRules } from "../../src/steps/routing-tables.ts";
import { isForSource, PRIORITY, PROTOCOL } from "../../src/steps/source-rule.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import type { SbrConfig } from "./config.ts";

/** The first table that is chosen. */
const FIRST_TABLE = 100;

/** A priority of an IPv6 route that is better than the kernel's, 1024. */
const BEFORE_OTHERS = 1;

/** What is moved, and where. */
interface Move {
  readonly netlink: Rtnetlink;
  readonly link: LinkId;
  readonly ips: readonly IpConfig[];
  readonly config: SbrConfig;
}

/**
 * Sends packets from each address to a table of its own, with the interface's routes of main that go with the address, and a default route
 * through its gateway. Then takes these routes from main. With `table`, adds the rules alone. Call it under the lock on tables.
 * @throws CniError interfaceExists if an address has a rule; NetlinkError
 */
export function routeBySource(move: Move, defer: Defer): void {
  const { netlink, ips, config } = move;
  const rules = ([4, 6] as const).flatMap((family) => findRules(netlink, family));
  refuseRepeated(rules, ips);
  if (config.table !== undefined) {
    for (const ip of ips) addSourceRule(netlink, { ip, table: config.table, priority: PRIORITY.given }, defer);
    return;
  }
  const tables = chooseTables(netlink, { rules, first: FIRST_TABLE, count: ips.length });
  const moved = ips.flatMap((ip, index) => {
    const table = tables[index] ?? 0;
    const routes = fillTable(move, { ip, table }, defer);
    addSourceRule(netlink, { ip, table, priority: PRIORITY.chosen }, defer);
    return routes;
  });
  leaveMain(move, [...new Set(moved)], defer);
}

/** A second ADD would send an address to two tables, of which the second would have no routes. */
function refuseRepeated(rules: readonly PolicyRule[], ips: readonly IpConfig[]): void {
  const addresses = ips.map(({ address }) => address.address);
  const found = rules.find((rule) => rule.protocol === PROTOCOL && isForSource(rule, addresses));
  if (found?.source === undefined) return;
  const message = `Cannot add a rule for ${formatAddress(found.source.address)}: a rule leads it to table ${found.table} already`;
  throw new CniError("interfaceExists", message, { details: "run DEL first" });
}

function addSourceRule(
  netlink: Rtnetlink,
  { ip, table, priority }: { ip: IpConfig; table: number; priority: number },
  defer: Defer,
): void {
  const rule = { source: single(ip.address.address), table, priority, protocol: PROTOCOL };
  const reversal = () => ignoring([ERRNO.ENOENT], () => deleteRule(netlink, rule));
  changeOwing(defer, reversal, () => addRule(netlink, rule));
}

/** Returns the routes of main that are now in the table, too. */
function fillTable(
  { netlink, link, config }: Move,
  { ip, table }: { ip: IpConfig; table: number },
  defer: Defer,
): readonly WholeRoute[] {
  const { family } = ip.address.address;
  const own = config.gateways[family];
  const routes = onLinkFirst(listWholeRoutes(netlink, { family, table: RT_TABLE.MAIN, index: link.index }));
  const moved = routes.filter(({ known }) => belongsTo(ip, known));
  for (const route of moved.map((each) => inTable(each, table)))
    changeOwing(
      defer,
      () => deleteWholeRoute(netlink, route),
      () => addWholeRoute(netlink, route),
    );
  const hasDefault = moved.some(({ known }) => known.destination.length === 0);
  const gateway = own ?? (hasDefault ? undefined : ip.gateway);
  if (gateway !== undefined) addDefault(netlink, link, { gateway, table, routes: moved }, defer);
  return moved;
}

/**
 * Adds a default route before those of the table: an IPv4 route goes before its equals, and an IPv6 one needs a better priority, or it
 * becomes a second next hop.
 */
function addDefault(
  netlink: Rtnetlink,
  link: LinkId,
  { gateway, table, routes }: { gateway: Address; table: number; routes: readonly WholeRoute[] },
  defer: Defer,
): void {
  const destination = { address: { family: gateway.family, value: 0n }, length: 0 };
  const isReached = ({ known }: WholeRoute) =>
    known.gateway === undefined && known.destination.length > 0 && prefixContains(known.destination, gateway);
  const onlink = !routes.some(isReached) && !isLinkLocal(gateway);
  const priority = gateway.family === 6 ? BEFORE_OTHERS : undefined;
  addOwnRoute(netlink, link, { destination, gateway, table, onlink, priority }, defer);
}

function addOwnRoute(netlink: Rtnetlink, link: LinkId, route: NewRoute, defer: Defer): void {
  const own = { ...route, protocol: PROTOCOL };
  changeOwing(
    defer,
    () => deleteRoute(netlink, link, own),
    () => addRoute(netlink, link, own),
  );
}

/** Takes the routes from main. IPv6's link-local one stays: packets from link-local addresses follow no rule of ours. */
function leaveMain({ netlink, link, ips, config }: Move, moved: readonly WholeRoute[], defer: Defer): void {
  const isKept = ({ destination, gateway }: KernelRoute) =>
    isLinkLocal(destination.address) || (config.addSourceHints && gateway === undefined);
  const going = unique(moved).filter(({ known }) => !isKept(known));
  // Those through a gateway go first: a gateway's own route may be what leads to it.
  for (const route of onLinkFirst(going).toReversed())
    changeOwing(
      defer,
      () => addWholeRoute(netlink, route),
      () => deleteWholeRoute(netlink, route),
    );
  if (config.addSourceHints) for (const ip of ips) addSourceHint(netlink, link, { ip, moved }, defer);
}

/** A route of main to the address's network that names the address as source, unless main has one. */
function addSourceHint(
  netlink: Rtnetlink,
  link: LinkId,
  { ip, moved }: { ip: IpConfig; moved: readonly WholeRoute[] },
  defer: Defer,
): void {
  const destination = network(ip.address);
  const isThere = moved.some(
    ({ known }) => known.gateway === undefined && isSamePrefix(known.destination, destination),
  );
  if (isSingle(destination) || isThere) return;
  const scope = destination.address.family === 4 ? { scope: RT_SCOPE.LINK } : {};
  const route = { destination, preferredSource: ip.address.address, table: RT_TABLE.MAIN, ...scope };
  addOwnRoute(netlink, link, route, defer);
}

/** Whether a route goes with an address: by its source or its gateway, or because it has neither. */
function belongsTo({ address }: IpConfig, { preferredSource, gateway, protocol }: KernelRoute): boolean {
  // The kernel keeps the routes of router advertisements by itself.
  if (protocol === RTPROT.RA) return false;
  const named = [preferredSource, gateway].filter((each) => each !== undefined);
  return named.length === 0 || named.some((each) => prefixContains(address, each));
}

/** Each address lists main anew, so one route of two addresses is there twice. */
function unique(routes: readonly WholeRoute[]): readonly WholeRoute[] {
  return [...new Map(routes.map((route) => [identifyWhole(route), route])).values()];
}
