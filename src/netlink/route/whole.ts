import type { Family } from "../../ip/address.ts";
import { formatPrefix, type Prefix } from "../../ip/prefix.ts";
import { ERRNO } from "../../platform/errno.ts";
import { ignoring, succeeds } from "../../platform/outcome.ts";
import { encodeFamily } from "../family.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { RT_TABLE, RTNH_F } from "./header.ts";
import { decodeRoute, encodeRoute, type KernelRoute, type RouteMessage, readRoute } from "./message.ts";

/** A route with all that the kernel says of it, so that the same route can be made elsewhere, or again. */
export interface WholeRoute {
  readonly message: ReturnType<typeof decodeRoute>;
  /** What we know of it. */
  readonly known: KernelRoute;
}

/**
 * How long ago a route was used, and the number of its next hop object, which the kernel deletes when the link goes down: no part of
 * what makes a route. And a gateway of the other family. <linux/rtnetlink.h>
 */
const RTA = { CACHEINFO: 12, VIA: 18, NH_ID: 30 } as const;

const FOUND_OUT: readonly number[] = [RTA.CACHEINFO, RTA.NH_ID];

/** Errors of the kernel for a route that no longer fits the interface: its source or its gateway is gone, or the interface is down. */
export const UNFIT: readonly number[] = [
  ERRNO.EINVAL,
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.ENETDOWN,
  ERRNO.ENODEV,
];

/** Which routes of a table are meant. */
interface Wanted {
  readonly family: Family;
  readonly table: number;
  readonly index: number;
  /** Who made them, RTPROT; everybody if it is undefined. */
  readonly protocol?: number | undefined;
  /** No more than this many; all if it is undefined. */
  readonly most?: number;
}

/**
 * The routes of a family through a link in one table, like `ip route show table TABLE dev NAME`. A table without routes has none. Others,
 * of which there may be very many, are not decoded.
 */
export function listWholeRoutes(
  netlink: Rtnetlink,
  { family, table, index, protocol, most = Number.POSITIVE_INFINITY }: Wanted,
): readonly WholeRoute[] {
  let left = most;
  // rtm_protocol of struct rtmsg. <linux/rtnetlink.h>
  const keep = (route: Uint8Array) => (protocol === undefined || route[5] === protocol) && left-- > 0;
  const payload = encodeRoute({ header: { family: encodeFamily(family) }, attributes: { table, index } });
  const action = `list the IPv${family} routes of table ${table}`;
  const request = { type: RTM.GETROUTE, flags: NLM_F.DUMP, payload, action, keep };
  const messages = ignoring([ERRNO.ENOENT], () => netlink.request(request)) ?? [];
  const routes = messages.map(({ payload }) => readWholeRoute(payload));
  return routes.filter(({ known }) => known.table === table).flatMap((route) => waysThrough(route, index));
}

/**
 * The routes of a family through a link in all tables, like `ip route show table all dev NAME`. A route with other next hops, too, is
 * there with those through the link.
 */
export function listRoutesThrough(
  netlink: Rtnetlink,
  { family, index }: { family: Family; index: number },
): readonly WholeRoute[] {
  const payload = encodeRoute({ header: { family: encodeFamily(family) }, attributes: { index } });
  const action = `list the IPv${family} routes through link ${index}`;
  const messages = netlink.request({ type: RTM.GETROUTE, flags: NLM_F.DUMP, payload, action });
  return messages
    .map(({ payload }) => readWholeRoute(payload))
    .filter(({ known }) => known.destination.address.family === family)
    .flatMap((route) => partThrough(route, index));
}

/** The tables that have routes of a family. It reads no more of a route than its table. */
export function listTables(netlink: Rtnetlink, family: Family): ReadonlySet<number> {
  const found = new Set<number>();
  const payload = encodeRoute({ header: { family: encodeFamily(family) }, attributes: {} });
  const keep = (route: Uint8Array) => {
    const { header, attributes } = decodeRoute(route);
    found.add(attributes.table ?? header.table);
    return false;
  };
  netlink.request({ type: RTM.GETROUTE, flags: NLM_F.DUMP, payload, action: `list the IPv${family} tables`, keep });
  return found;
}

/** The same route in another table. */
export function inTable({ message, known }: WholeRoute, table: number): WholeRoute {
  const { header, attributes } = message;
  return {
    message: {
      header: { ...header, table: table > 0xff ? RT_TABLE.COMPAT : table },
      attributes: { ...attributes, table },
    },
    known: { ...known, table },
  };
}

/** Adds a route. Returns false if it is there. @throws NetlinkError as addRoute */
export function addWholeRoute(netlink: Rtnetlink, route: WholeRoute): boolean {
  const payload = encodeRoute(describeWhole(route));
  const flags = NLM_F.CREATE | NLM_F.ACK;
  const add = () => netlink.request({ type: RTM.NEWROUTE, flags, payload, action: `add ${nameOf(route)}` });
  return succeeds([ERRNO.EEXIST], add);
}

/** Deletes a route. Returns false if it is not there. @throws NetlinkError */
export function deleteWholeRoute(netlink: Rtnetlink, route: WholeRoute): boolean {
  const { header, attributes } = route.message;
  const { destination, gateway, index, priority, preferredSource, nextHops, table } = attributes;
  const payload = encodeRoute({
    header: { ...header, flags: 0 },
    attributes: { destination, gateway, index, priority, preferredSource, nextHops, table },
  });
  const request = { type: RTM.DELROUTE, flags: NLM_F.ACK, payload, action: `delete ${nameOf(route)}` };
  return succeeds([ERRNO.ESRCH], () => netlink.request(request));
}

/** A route through a gateway can be added only if there is a route to the gateway. */
export function onLinkFirst(routes: readonly WholeRoute[]): readonly WholeRoute[] {
  const isOnLink = ({ message, known }: WholeRoute) =>
    known.gateway === undefined &&
    known.nextHops.length === 0 &&
    !message.attributes.unknown?.some(({ type }) => type === RTA.VIA);
  return [...routes.filter(isOnLink), ...routes.filter((route) => !isOnLink(route))];
}

/** A text that two routes share if they are the same in all that a request says of them. */
export function identifyWhole(route: WholeRoute): string {
  return JSON.stringify(describeWhole(route), (_, value) => {
    if (typeof value === "bigint") return String(value);
    const isPlain = typeof value === "object" && !Array.isArray(value);
    return isPlain ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
  });
}

/** The request for a route: of its flags only the one that is asked for, and nothing that the kernel found out. */
function describeWhole({ message }: WholeRoute): RouteMessage {
  const { unknown = [], nextHops, ...attributes } = message.attributes;
  return {
    header: { ...message.header, flags: message.header.flags & RTNH_F.ONLINK },
    attributes: {
      ...attributes,
      nextHops: nextHops?.map((hop) => ({ ...hop, flags: hop.flags & RTNH_F.ONLINK })),
      unknown: unknown.filter(({ type }) => !FOUND_OUT.includes(type)).sort((a, b) => a.type - b.type),
    },
  };
}

function readWholeRoute(payload: Uint8Array): WholeRoute {
  return { message: decodeRoute(payload), known: readRoute(payload) };
}

/** A route as it is, or of one with several next hops those through the link. */
function partThrough(route: WholeRoute, index: number): readonly WholeRoute[] {
  const { message, known } = route;
  const nextHops = known.nextHops.filter((hop) => hop.index === index);
  if (nextHops.length < 2) return waysThrough(route, index);
  const { header, attributes } = message;
  return [{ message: { header, attributes: { ...attributes, nextHops } }, known: { ...known, nextHops } }];
}

/** A route as it is, or of one with several next hops those through the link, each as a route of its own. */
function waysThrough(route: WholeRoute, index: number): readonly WholeRoute[] {
  const { message, known } = route;
  if (known.index === index) return [route];
  const { nextHops: _, ...attributes } = message.attributes;
  return known.nextHops
    .filter((hop) => hop.index === index)
    .map((hop) => {
      const { gateway } = hop.attributes;
      const unknown = [...(attributes.unknown ?? []), ...(hop.attributes.unknown ?? [])];
      return {
        message: {
          header: { ...message.header, flags: hop.flags },
          attributes: { ...attributes, gateway, index, unknown },
        },
        known: { ...known, gateway, index, nextHops: [] },
      };
    });
}

function nameOf({ known: { destination, table } }: { known: { destination: Prefix; table: number } }): string {
  return `route ${formatPrefix(destination)} in table ${table}`;
}
