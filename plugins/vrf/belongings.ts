import { CniError, reasonOf } from "../../src/cni/error.ts";
import { formatAddress, isLinkLocal } from "../../src/ip/address.ts";
import { formatPrefix } from "../../src/ip/prefix.ts";
import { deleteAddress } from "../../src/netlink/address/delete.ts";
import {
  addWholeAddress,
  isSameLinkAddress,
  listWholeAddresses,
  type WholeAddress,
} from "../../src/netlink/address/whole.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { RT_TABLE, RTN, RTPROT } from "../../src/netlink/route/header.ts";
import {
  addWholeRoute,
  deleteWholeRoute,
  identifyWhole,
  inTable,
  listRoutesThrough,
  onLinkFirst,
  UNFIT,
  type WholeRoute,
} from "../../src/netlink/route/whole.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { ERRNO, errnoOf } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { runAll } from "../../src/steps/undo.ts";

/** What the kernel takes from an interface that joins or leaves a VRF: IPv6 addresses, and the routes through it of all tables. */
export interface Belongings {
  readonly addresses: readonly WholeAddress[];
  readonly routes: readonly WholeRoute[];
}

/** Reads what an interface has. Routes that the kernel or a router advertisement brings back are left out. */
export function belongingsOf(netlink: Rtnetlink, link: LinkId): Belongings {
  const routes = routesThrough(netlink, link).filter(({ known }) => known.protocol !== RTPROT.RA && !isOwn(known));
  return { addresses: listWholeAddresses(netlink, link, 6), routes };
}

/** The addresses, and the routes with those of the table `from` in the table `to`. */
export function inOtherTable({ addresses, routes }: Belongings, from: number, to: number): Belongings {
  return { addresses, routes: routes.map((route) => (route.known.table === from ? inTable(route, to) : route)) };
}

/** How an interface gets its routes. */
export interface Giving {
  /** The table of the interface's place: main, or a VRF's. */
  readonly table: number;
  /** Whether a route must be there afterwards. One that the kernel refuses is left out otherwise. */
  readonly isNeeded: (route: WholeRoute) => boolean;
  /** Told which routes were left out. */
  readonly log: (line: string) => void;
}

/**
 * Gives an interface what it had: adds the addresses and routes that are missing, and deletes from the table the routes to its networks
 * that it had not. Then compares. Runs every step, then throws all errors. @throws NetlinkError, CniError tryAgainLater if a route is
 * missing
 */
export function giveBack(netlink: Rtnetlink, link: LinkId, { addresses, routes }: Belongings, giving: Giving): void {
  runAll([
    () => giveAddresses(netlink, link, addresses),
    () => giveRoutes(netlink, link, { routes, giving }),
    () => compareRoutes(netlink, link, { routes, giving }),
  ]);
}

function giveAddresses(netlink: Rtnetlink, link: LinkId, wanted: readonly WholeAddress[]): void {
  if (wanted.length === 0) return;
  const present = listWholeAddresses(netlink, link, 6);
  runAll(wanted.map((address) => () => giveAddress(netlink, link, { address, present })));
}

/** An address that the kernel has kept is checked for duplicates again, which takes a second and keeps routes from naming it. */
function giveAddress(
  netlink: Rtnetlink,
  link: LinkId,
  { address, present }: { address: WholeAddress; present: readonly WholeAddress[] },
): void {
  const found = present.find((each) => isSameLinkAddress(each, address));
  if (found !== undefined) {
    if (address.known.tentative || !found.known.tentative) return;
    ignoring([ERRNO.EADDRNOTAVAIL], () => deleteAddress(netlink, link, found.known.prefix));
  }
  // The kernel may give the interface its link-local address at this moment.
  ignoring([ERRNO.EEXIST], () => addWholeAddress(netlink, link, address));
}

function giveRoutes(
  netlink: Rtnetlink,
  link: LinkId,
  { routes, giving }: { routes: readonly WholeRoute[]; giving: Giving },
): void {
  if (routes.length === 0) return;
  const present = new Set(routesThrough(netlink, link).map(identifyWhole));
  const missing = onLinkFirst(routes).filter((route) => !present.has(identifyWhole(route)));
  runAll(missing.map((route) => () => giveRoute(netlink, link, { route, giving })));
}

function giveRoute(
  netlink: Rtnetlink,
  { name }: LinkId,
  { route, giving }: { route: WholeRoute; giving: Giving },
): void {
  try {
    addWholeRoute(netlink, route);
  } catch (error) {
    if (giving.isNeeded(route) || !UNFIT.includes(errnoOf(error) ?? 0)) throw error;
    giving.log(`Interface "${name}" does not get its ${nameRoute(route)} back: ${reasonOf(error)}`);
  }
}

/** Compares with what the interface had. The kernel adds the route to each address's network, also where there was none. */
function compareRoutes(
  netlink: Rtnetlink,
  link: LinkId,
  { routes, giving }: { routes: readonly WholeRoute[]; giving: Giving },
): void {
  const { table, isNeeded } = giving;
  const present = routesThrough(netlink, link);
  const names = new Set(present.map(nameRoute));
  const missing = routes.find((route) => isNeeded(route) && !names.has(nameRoute(route)));
  if (missing !== undefined)
    throw new CniError("tryAgainLater", `Interface "${link.name}" has lost its ${nameRoute(missing)}`);
  const wanted = routes.filter(({ known }) => known.table === table);
  const isOther = surplusOf(wanted);
  const others = present.filter((route) => route.known.table === table && isOther(route));
  runAll(others.map((route) => () => void deleteWholeRoute(netlink, route)));
}

/** Whether the kernel added a route that the interface had not. Where it had none of the family, its routes are in other tables. */
function surplusOf(wanted: readonly WholeRoute[]): (route: WholeRoute) => boolean {
  const names = new Set(wanted.map(nameRoute));
  const families = new Set(wanted.map(({ known }) => known.destination.address.family));
  return (route) => {
    const { protocol, destination } = route.known;
    const isKernels = protocol === RTPROT.KERNEL && !isOwn(route.known);
    return isKernels && families.has(destination.address.family) && !names.has(nameRoute(route));
  };
}

/** What tells a route from the others of an interface. */
function nameRoute({ known }: WholeRoute): string {
  const { destination, table, priority, gateway, nextHops } = known;
  const gateways = [gateway, ...nextHops.map((hop) => hop.attributes.gateway)].filter((each) => each !== undefined);
  const via = gateways.map((each) => ` via ${formatAddress(each)}`).join("");
  return `route ${formatPrefix(destination)}${via} metric ${priority} in table ${table}`;
}

/** Those that packets are sent by: the kernel cares for the routes of own, broadcast and multicast addresses. */
function routesThrough(netlink: Rtnetlink, { index }: LinkId): readonly WholeRoute[] {
  return ([4, 6] as const)
    .flatMap((family) => listRoutesThrough(netlink, { family, index }))
    .filter(({ known }) => known.type === RTN.UNICAST && known.table !== RT_TABLE.LOCAL);
}

/** Whether it is the route to fe80::/64, which comes and goes with the link-local address. */
function isOwn({ protocol, destination }: WholeRoute["known"]): boolean {
  return protocol === RTPROT.KERNEL && isLinkLocal(destination.address);
}
