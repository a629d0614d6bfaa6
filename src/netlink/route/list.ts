import type { Address, Family } from "../../ip/address.ts";
import { ADDRESS_BITS, encodeAddress, formatAddress } from "../../ip/address.ts";
import { networkAddress, type Prefix, prefixContains } from "../../ip/prefix.ts";
import { ERRNO } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import { NetlinkError, refusals } from "../acknowledgement.ts";
import type { NetlinkRequest } from "../answers.ts";
import { holdsAny } from "../bytes.ts";
import { encodeFamily } from "../family.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { RT_TABLE, RTM_F } from "./header.ts";
import type { KernelRoute } from "./message.ts";
import { encodeRoute, readRoute } from "./message.ts";

/**
 * The routes of a family in one table (default: main), like `ip route show table TABLE`. They can be limited to the link with an
 * index, and to some destinations; other routes, of which there may be hundreds of thousands, are not decoded. A table that does not
 * exist has no routes.
 */
export function listRoutes(
  netlink: Rtnetlink,
  filter: { family: Family; table?: number; index?: number; destinations?: readonly Prefix[] },
): readonly KernelRoute[] {
  const { family, table = RT_TABLE.MAIN, index, destinations } = filter;
  const payload = encodeRoute({ header: { family: encodeFamily(family) }, attributes: { table, index } });
  const keep = destinations && selectDestinations(destinations);
  const routes = dump(netlink, { payload, keep, action: `list the IPv${family} routes of table ${table}` });
  return routes.filter((route) => route.table === table && (index === undefined || goesThrough(route, index)));
}

/**
 * The routes of a family in one table (default: main) whose destination is the subnet or a part of it, like
 * `ip route show root SUBNET table TABLE`. Other routes, of which there may be hundreds of thousands, are not decoded.
 */
export function listRoutesWithin(
  netlink: Rtnetlink,
  subnet: Prefix,
  { table = RT_TABLE.MAIN }: { readonly table?: number } = {},
): readonly KernelRoute[] {
  const { family } = subnet.address;
  const payload = encodeRoute({ header: { family: encodeFamily(family) }, attributes: { table } });
  // rtm_dst_len of struct rtmsg, and the subnet's whole bytes anywhere after it. <linux/rtnetlink.h>
  const whole = encodeAddress(networkAddress(subnet)).subarray(0, Math.floor(subnet.length / 8));
  const keep = (route: Uint8Array) =>
    (route[1] ?? 0) >= subnet.length && holdsAny(route, whole.length === 0 ? [] : [whole]);
  const routes = dump(netlink, { payload, keep, action: `list the IPv${family} routes of table ${table}` });
  const isWithin = ({ destination: { address, length } }: KernelRoute) =>
    length >= subnet.length && prefixContains(subnet, address);
  return routes.filter((route) => route.table === table && isWithin(route));
}

/** What getRoute() is asked. */
export interface RouteQuestion {
  readonly whole?: boolean;
  readonly table?: boolean;
  readonly source?: Address;
  readonly input?: LinkId;
}

/**
 * The route that a packet to an address takes, like `ip route get ADDRESS`. With `whole`, the route of the table with its own
 * destination, like `ip route get fibmatch ADDRESS`. With `table`, the route's table; otherwise IPv4 says main. With `source` and `input`,
 * of a packet that is forwarded, like `ip route get ADDRESS from SOURCE iif INPUT`. @throws NetlinkError ENETUNREACH if there is none
 */
export function getRoute(
  netlink: Rtnetlink,
  address: Address,
  { whole = false, table = false, source, input }: RouteQuestion = {},
): KernelRoute {
  // IPv6 always names the table, and refuses the flag.
  const flags = (whole ? RTM_F.FIB_MATCH : 0) | (table && address.family === 4 ? RTM_F.LOOKUP_TABLE : 0);
  const bits = ADDRESS_BITS[address.family];
  const sourceLength = source === undefined ? 0 : bits;
  const header = { family: encodeFamily(address.family), destinationLength: bits, sourceLength, flags };
  const payload = encodeRoute({ header, attributes: { destination: address, source, input: input?.index } });
  const action = `find a route to ${formatAddress(address)}`;
  const [message] = netlink.request({ type: RTM.GETROUTE, flags: 0, payload, action });
  if (message === undefined) throw new NetlinkError(action, { errno: ERRNO.ENETUNREACH });
  return readRoute(message.payload);
}

/** Errors of the kernel if no route leads to an address, or if its type is unreachable, prohibit or blackhole. ip-route(8) */
const NO_ROUTE: readonly number[] = [ERRNO.ENETUNREACH, ERRNO.EHOSTUNREACH, ERRNO.EACCES, ERRNO.EINVAL];

/**
 * The route that a packet to an address takes, with the options of getRoute(); undefined if there is none. @throws NetlinkError if the
 * kernel cannot answer
 */
export function findRoute(netlink: Rtnetlink, address: Address, options: RouteQuestion = {}): KernelRoute | undefined {
  return ignoring(NO_ROUTE, () => getRoute(netlink, address, options));
}

/** Tests rtm_dst_len of struct rtmsg, and the address anywhere after it. <linux/rtnetlink.h> */
function selectDestinations(destinations: readonly Prefix[]): (payload: Uint8Array) => boolean {
  const wanted = destinations.map(({ address, length }) => {
    return { length, parts: length === 0 ? [] : [encodeAddress(networkAddress({ address, length }))] };
  });
  return (payload) => wanted.some(({ length, parts }) => payload[1] === length && holdsAny(payload, parts));
}

function dump(netlink: Rtnetlink, list: Pick<NetlinkRequest, "payload" | "action" | "keep">): readonly KernelRoute[] {
  const request = { type: RTM.GETROUTE, flags: NLM_F.DUMP, ...list };
  const messages = ignoring(refusals(ERRNO.ENOENT), () => netlink.request(request)) ?? [];
  return messages.map((message) => readRoute(message.payload));
}

function goesThrough(route: KernelRoute, index: number): boolean {
  return route.index === index || route.nextHops.some((hop) => hop.index === index);
}
