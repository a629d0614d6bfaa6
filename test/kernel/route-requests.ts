import { ADDRESS_BITS, type Address, type Family, isLinkLocal, isSameAddress } from "../../src/ip/address.ts";
import { isSamePrefix, type Prefix, prefixContains } from "../../src/ip/prefix.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { RT_SCOPE, RT_TABLE, RTM_F, RTNH_F } from "../../src/netlink/route/header.ts";
import { decodeRoute, readRoute } from "../../src/netlink/route/message.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { isOwnAddress } from "./address-requests.ts";
import { type Answer, isDump } from "./answer.ts";
import { type FakeLink, isUp } from "./link.ts";
import type { FakeNamespace, FakeRoute, Way } from "./namespace.ts";
import { Refusal } from "./refusal.ts";
import { findWayTo, TABLES } from "./route-lookup.ts";
import { describeRoute } from "./route-message.ts";

/** The priority of an IPv6 route that is given none. IP6_RT_PRIO_USER in net/ip6_fib.h */
const PRIORITY = { 4: 0, 6: 1024 } as const;

/** RTM_NEWROUTE. @throws Refusal EEXIST, ENODEV, ENETDOWN, ENETUNREACH and EHOSTUNREACH, EINVAL */
export function requestNewRoute(namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const { header, attributes } = decodeRoute(payload);
  const read = readRoute(payload);
  const { family } = read.destination.address;
  if (header.destinationLength > ADDRESS_BITS[family]) throw new Refusal(ERRNO.EINVAL, "Invalid prefix length");
  const isOnLink = (header.flags & RTNH_F.ONLINK) !== 0;
  const gateway = isOnLink ? undefined : read.gateway;
  const table = read.table === RT_TABLE.UNSPEC ? RT_TABLE.MAIN : read.table;
  const link = findLinkFor(namespace, { family, index: attributes.index ?? 0, gateway, table });
  const source = read.preferredSource;
  if (source !== undefined && !isOwnAddress(namespace, source)) {
    throw new Refusal(ERRNO.EINVAL, family === 4 ? "Invalid prefsrc address" : "Invalid source address");
  }
  add(namespace, {
    ...read,
    table,
    priority: attributes.priority ?? PRIORITY[family],
    scope: family === 4 ? header.scope : RT_SCOPE.UNIVERSE,
    isOnLink,
    ways: [{ index: link.index, gateway: read.gateway }],
  });
}

/** RTM_DELROUTE. @throws Refusal ESRCH */
export function requestDeleteRoute(namespace: FakeNamespace, { payload }: NetlinkRequest): void {
  const { header, attributes } = decodeRoute(payload);
  const { destination, table, gateway } = readRoute(payload);
  const isMeant = (route: FakeRoute) =>
    route.table === table &&
    isSamePrefix(route.destination, destination) &&
    (attributes.priority === undefined || attributes.priority === route.priority) &&
    (header.scope === RT_SCOPE.NOWHERE || destination.address.family === 6 || header.scope === route.scope);
  const isWay = (way: Way) =>
    (attributes.index === undefined || way.index === attributes.index) &&
    (gateway === undefined || (way.gateway !== undefined && isSameAddress(way.gateway, gateway)));
  const [found] = namespace.routes
    .filter((route) => isMeant(route) && route.ways.some(isWay))
    .sort((a, b) => a.priority - b.priority);
  if (found === undefined) throw new Refusal(ERRNO.ESRCH);
  const ways = found.ways.filter((way) => !isWay(way));
  const rest = namespace.routes.filter((route) => route !== found);
  namespace.routes = ways.length === 0 ? rest : [...rest, { ...found, ways }];
}

/** RTM_GETROUTE: the routes of a table, or the one that an address leads to. @throws Refusal ENOENT without the table, ENETUNREACH */
export function requestRoutes(namespace: FakeNamespace, request: NetlinkRequest): readonly Answer[] {
  const { header, attributes } = decodeRoute(request.payload);
  const { destination } = readRoute(request.payload);
  const { family } = destination.address;
  if (family === 6 && (header.flags & ~RTM_F.FIB_MATCH) !== 0) throw new Refusal(ERRNO.EINVAL, "ipv6: Invalid flags");
  if (!isDump(request)) return [lookUp(namespace, destination.address, (header.flags & RTM_F.FIB_MATCH) !== 0)];
  const { table, index } = attributes;
  const ofFamily = namespace.routes.filter((route) => route.destination.address.family === family);
  const found = ofFamily.filter((route) => table === undefined || route.table === table);
  if (found.length === 0 && table !== undefined && table !== RT_TABLE.MAIN) {
    throw new Refusal(ERRNO.ENOENT, family === 4 ? "ipv4: FIB table does not exist" : "ipv6: FIB table does not exist");
  }
  return found
    .filter(({ ways }) => index === undefined || ways.some((way) => way.index === index))
    .sort((a, b) => compareDestinations(a.destination, b.destination) || a.priority - b.priority)
    .map((route) => ({ type: RTM.NEWROUTE, payload: describeRoute(route) }));
}

function lookUp(namespace: FakeNamespace, address: Address, isWhole: boolean): Answer {
  const found = findWayTo(namespace, address);
  if (found === undefined) throw new Refusal(ERRNO.ENETUNREACH);
  const destination = { address, length: ADDRESS_BITS[address.family] };
  const route = isWhole ? found : { ...found, destination };
  return { type: RTM.NEWROUTE, payload: describeRoute(route) };
}

/** The link that a route leads through: IPv4 looks for the gateway's way first, and finds none through a link that is down or missing. */
function findLinkFor(
  namespace: FakeNamespace,
  way: { family: Family; index: number; gateway: Address | undefined; table: number },
): FakeLink {
  const { family, index, gateway, table } = way;
  if (family === 4 && gateway !== undefined) checkGateway(namespace, { index, gateway, table });
  const link = namespace.links.get(index);
  if (link === undefined) throw new Refusal(ERRNO.ENODEV);
  if (!isUp(link)) throw new Refusal(ERRNO.ENETDOWN, "Nexthop device is not up");
  if (family === 6 && gateway !== undefined) checkGateway(namespace, { index, gateway, table });
  return link;
}

/** A gateway must be on the link, as a route of its table or of main says that has none itself; IPv6 has others for that. */
function checkGateway(
  namespace: FakeNamespace,
  { index, gateway, table }: { index: number; gateway: Address; table: number },
): void {
  if (gateway.family === 6 && isLinkLocal(gateway)) return;
  const isOwn = isOwnAddress(namespace, gateway);
  if (gateway.family === 6 && isOwn) throw new Refusal(ERRNO.EINVAL, "Gateway can not be a local address");
  const isUsable = ({ ways }: FakeRoute) => ways.some((way) => way.index === index);
  const way = findWayTo(namespace, gateway, { isUsable, tables: [table, ...TABLES] });
  const isOnLink = way?.ways.some((each) => each.index === index && each.gateway === undefined);
  if (isOnLink) return;
  if (gateway.family === 6) throw new Refusal(ERRNO.EHOSTUNREACH);
  throw new Refusal(ERRNO.ENETUNREACH, "Nexthop has invalid gateway");
}

/** An IPv4 route goes before those of the same destination; an IPv6 one with a gateway is one more way to it. */
function add(namespace: FakeNamespace, route: FakeRoute): void {
  const same = namespace.routes.filter((each) => {
    const isSame = each.table === route.table && each.priority === route.priority;
    return isSame && isSamePrefix(each.destination, route.destination);
  });
  if (same.some((each) => isSameWay(each, route))) throw new Refusal(ERRNO.EEXIST);
  const joined = same.find(({ ways }) => ways.every(({ gateway }) => gateway !== undefined));
  const [way] = route.ways;
  const isSecond = route.destination.address.family === 6 && way?.gateway !== undefined && joined !== undefined;
  if (!isSecond) namespace.routes = [route, ...namespace.routes];
  else {
    const more = { ...joined, ways: [...joined.ways, way] };
    namespace.routes = namespace.routes.map((each) => (each === joined ? more : each));
  }
}

function isSameWay(there: FakeRoute, route: FakeRoute): boolean {
  const { family } = route.destination.address;
  const isSame = (way: Way) =>
    route.ways.some(({ index, gateway }) => {
      const isSameGateway =
        way.gateway === undefined || gateway === undefined
          ? way.gateway === gateway
          : isSameAddress(way.gateway, gateway);
      return way.index === index && isSameGateway;
    });
  if (!there.ways.some(isSame)) return false;
  if (family === 6) return true;
  return (
    there.scope === route.scope &&
    there.mtu === route.mtu &&
    there.advmss === route.advmss &&
    there.protocol === route.protocol
  );
}

/** As the kernel goes through a table: of IPv6, what is inside another comes before it. */
function compareDestinations(a: Prefix, b: Prefix): number {
  const { family } = a.address;
  if (family === 6 && a.length !== b.length) {
    if (prefixContains(a, b.address) && a.length < b.length) return 1;
    if (prefixContains(b, a.address) && b.length < a.length) return -1;
  }
  if (a.address.value !== b.address.value) return a.address.value < b.address.value ? -1 : 1;
  return a.length - b.length;
}
