import { formatAddress, isUnspecified } from "../../src/ip/address.ts";
import { formatPrefix, isSingle, network } from "../../src/ip/prefix.ts";
import { refusals } from "../../src/netlink/acknowledgement.ts";
import { findChild } from "../../src/netlink/link/child.ts";
import { addRoute, type NewRoute } from "../../src/netlink/route/add.ts";
import { deleteRoute } from "../../src/netlink/route/delete.ts";
import { RT_SCOPE, RT_TABLE } from "../../src/netlink/route/header.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { logging } from "../../src/steps/logging.ts";
import { findRules } from "../../src/steps/routing-tables.ts";
import { isForSource, PRIORITY } from "../../src/steps/source-rule.ts";
import type { LeaseLink } from "./lease-link.ts";
import type { LeaseRecord4 } from "./lease-record.ts";
import { type Routed, routesOf } from "./lease-routes.ts";

/** A lease whose routes an interface has, the one that takes its place, and where to log routes that the kernel refuses. */
export interface RouteChange {
  readonly old: LeaseRecord4;
  readonly record: LeaseRecord4;
  readonly log: (line: string) => void;
}

/**
 * Adds the routes of a lease whose address the interface has got, to the table that those of the old lease were in. The kernel has
 * deleted those with the old address.
 */
export function addRoutes(place: LeaseLink, { old, record, log }: RouteChange): void {
  const { table, isOfSource } = findTable(place, old);
  const { prefix } = record;
  // The kernel adds the address's own network to main alone.
  if (isOfSource && !isSingle(prefix)) {
    const own = { destination: network(prefix), scope: RT_SCOPE.LINK, preferredSource: prefix.address, table };
    tryAdding(place, own, log);
  }
  for (const route of newRoutes(record, table)) tryAdding(place, route, log);
}

/**
 * Replaces the routes of a lease by those of its renewal, where the server says others. Does nothing if the interface has none of those that
 * would go: somebody else decides on its routes.
 */
export function replaceRoutes(place: LeaseLink, { old, record, log }: RouteChange): void {
  if (identifyAll(old) === identifyAll(record)) return;
  const { table } = findTable(place, old);
  const [before, after] = [newRoutes(old, table), newRoutes(record, table)];
  const isIn = (routes: readonly NewRoute[], route: NewRoute) =>
    routes.some((each) => identify(each) === identify(route));
  const going = before.filter((route) => !isIn(after, route));
  // Those through a gateway go first: a gateway's own route may be what leads to it.
  const gone = going.toReversed().filter((route) => deleteRoute(place.container.netlink, place.link, route));
  if (going.length > 0 && gone.length === 0) return;
  for (const route of after.filter((each) => !isIn(before, each))) tryAdding(place, route, log);
}

/** The table of the routes of an interface's address: main, that of its VRF, or the one to which `sbr` has moved them. */
function findTable({ container, link }: LeaseLink, { prefix }: LeaseRecord4): { table: number; isOfSource: boolean } {
  const rules = findRules(container.netlink, 4).filter((each) => isForSource(each, [prefix.address]));
  const rule = rules.find(({ priority }) => priority !== PRIORITY.given);
  if (rule !== undefined) return { table: rule.table, isOfSource: true };
  const vrf = link.master === undefined ? undefined : findChild(container.netlink, "vrf", link.master);
  return { table: vrf?.settings.table ?? RT_TABLE.MAIN, isOfSource: false };
}

function newRoutes(lease: Routed, table: number): readonly NewRoute[] {
  return routesOf(lease).map(({ dst, gw, ...rest }) => {
    const gateway = gw === undefined || isUnspecified(gw) ? undefined : gw;
    return { ...rest, destination: dst, gateway, table };
  });
}

/** A route that the kernel refuses is logged: the others and the address are of use without it. */
function tryAdding({ container, link }: LeaseLink, route: NewRoute, log: (line: string) => void): void {
  const add = () => addRoute(container.netlink, link, route);
  logging([LinuxError], { log, what: container.path }, () => ignoring(refusals(ERRNO.EEXIST), add));
}

function identifyAll(lease: Routed): string {
  return newRoutes(lease, RT_TABLE.MAIN).map(identify).join();
}

function identify({ destination, gateway, priority, mtu }: NewRoute): string {
  const via = gateway === undefined ? "" : formatAddress(gateway);
  return [formatPrefix(destination), via, priority ?? "", mtu ?? ""].join(" ");
}
