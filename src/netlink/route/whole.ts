import type { Family } from "../../ip/address.ts";
import { formatPrefix, type Prefix } from "../../ip/prefix.ts";
import { ignoring } from "../../linux/ignoring.ts";
import { ERRNO } from "../../platform/errno.ts";
import { encodeFamily } from "../family.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { RT_TABLE, RTNH_F } from "./header.ts";
import { decodeRoute, encodeRoute, type KernelRoute, readRoute } from "./message.ts";

/** A route with all that the kernel says of it, so that the same route can be made elsewhere, or again. */
export interface WholeRoute {
  readonly message: ReturnType<typeof decodeRoute>;
  /** What we know of it. */
  readonly known: KernelRoute;
}

/** How long ago a route was used, and the like: no part of what makes a route. <linux/rtnetlink.h> */
const RTA = { CACHEINFO: 12 } as const;

/** The routes of a family through a link in one table, like `ip route show table TABLE dev NAME`. A table without routes has none. */
export function listWholeRoutes(
  netlink: Rtnetlink,
  { family, table, index }: { family: Family; table: number; index: number },
): readonly WholeRoute[] {
  const payload = encodeRoute({ header: { family: encodeFamily(family) }, attributes: { table, index } });
  const action = `list the IPv${family} routes of table ${table}`;
  const request = { type: RTM.GETROUTE, flags: NLM_F.DUMP, payload, action };
  const messages = ignoring([ERRNO.ENOENT], () => netlink.request(request)) ?? [];
  const routes = messages.map((each) => ({ message: decodeRoute(each.payload), known: readRoute(each.payload) }));
  return routes.filter(({ known }) => known.table === table).flatMap((route) => waysThrough(route, index));
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
  const { message } = route;
  const { unknown = [], ...attributes } = message.attributes;
  const payload = encodeRoute({
    // Of the flags, only this one is asked for; the others are what the kernel found out.
    header: { ...message.header, flags: message.header.flags & RTNH_F.ONLINK },
    attributes: { ...attributes, unknown: unknown.filter(({ type }) => type !== RTA.CACHEINFO) },
  });
  const flags = NLM_F.CREATE | NLM_F.ACK;
  const add = () => netlink.request({ type: RTM.NEWROUTE, flags, payload, action: `add ${nameOf(route)}` });
  return ignoring([ERRNO.EEXIST], add) !== undefined;
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
  return ignoring([ERRNO.ESRCH], () => netlink.request(request)) !== undefined;
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
      return {
        message: {
          header: { ...message.header, flags: hop.flags },
          attributes: { ...attributes, gateway, index },
        },
        known: { ...known, gateway, index, nextHops: [] },
      };
    });
}

function nameOf({ known: { destination, table } }: { known: { destination: Prefix; table: number } }): string {
  return `route ${formatPrefix(destination)} in table ${table}`;
}
