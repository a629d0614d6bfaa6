import { ADDRESS_BITS, isLoopback } from "../../src/ip/address.ts";
import { isSamePrefix, network, prefixContains } from "../../src/ip/prefix.ts";
import { IFA_F } from "../../src/netlink/address/attributes.ts";
import { RT_SCOPE, RT_TABLE, RTN } from "../../src/netlink/route/header.ts";
import { type FakeLink, IF_OPER, isUp } from "./link.ts";
import type { FakeAddress, FakeNamespace, FakeRoute } from "./namespace.ts";
import { tablesOf } from "./vrf.ts";

/** Who made the routes of the host's own addresses, and how far they reach. <linux/rtnetlink.h> */
const RTPROT_KERNEL = 2;
const RT_SCOPE_HOST = 254;

/** What the kernel gives an address for good. <linux/if_addr.h> */
const IFA_F_PERMANENT = 0x80;

/** The kernel's priority for the routes that IPv6 addresses bring with them. IP6_RT_PRIO_ADDRCONF in net/ip6_fib.h */
const PRIORITY = { 4: 0, 6: 256 } as const;

/** Adds the routes that an address brings with it, on a link that is up. */
export function addRoutesOf(namespace: FakeNamespace, link: FakeLink, address: FakeAddress): void {
  if (!isUp(link)) return;
  for (const route of routesOf(namespace, address)) {
    if (!namespace.routes.some((each) => isSameRoute(each, route))) namespace.routes = [...namespace.routes, route];
  }
}

/** Takes them away again, but for those that another address of the link's brings as well. */
export function deleteRoutesOf(namespace: FakeNamespace, address: FakeAddress): void {
  const needed = namespace.addressesOf(address.index).flatMap((each) => routesOf(namespace, each));
  const going = routesOf(namespace, address).filter((route) => !needed.some((each) => isSameRoute(each, route)));
  namespace.routes = namespace.routes.filter((route) => !going.some((each) => isSameRoute(each, route)));
}

/** A link that goes down loses its IPv6 addresses, unless it is to keep them. */
export function addressesGoDown(namespace: FakeNamespace, link: FakeLink): void {
  const keeps = namespace.sysctls.find(`net/ipv6/conf/${link.name}/keep_addr_on_down`) === "1";
  namespace.addresses = namespace.addresses.filter(({ index, prefix, scope }) => {
    return index !== link.index || prefix.address.family === 4 || (keeps && scope !== RT_SCOPE.LINK);
  });
}

/** A link that goes down loses its routes. */
export function routesGoDown(namespace: FakeNamespace, link: FakeLink): void {
  namespace.routes = namespace.routes.filter((route) => {
    const isOwnAddress = route.table === RT_TABLE.LOCAL && route.destination.address.family === 4;
    return isOwnAddress || !route.ways.some(({ index }) => index === link.index);
  });
}

/** A link that joins or leaves a VRF loses all routes but those with other links in them, and goes down and up where it is up. */
export function changeVrf(namespace: FakeNamespace, link: FakeLink, change: () => void): void {
  change();
  namespace.routes = namespace.routes.filter(({ ways }) => !ways.every(({ index }) => index === link.index));
  addressesGoDown(namespace, link);
  if (!isUp(link)) return;
  routesGoUp(namespace, link);
  // It gets its link-local address when it carries traffic again.
  link.operationalState = IF_OPER.DOWN;
}

/** A link that comes up has the routes of its addresses again. */
export function routesGoUp(namespace: FakeNamespace, link: FakeLink): void {
  for (const address of namespace.addressesOf(link.index)) addRoutesOf(namespace, link, address);
}

function routesOf(namespace: FakeNamespace, { prefix, index, flags }: FakeAddress): readonly FakeRoute[] {
  const { family } = prefix.address;
  const tables = tablesOf(namespace, namespace.links.get(index));
  const rest = {
    protocol: RTPROT_KERNEL,
    preferredSource: family === 4 ? prefix.address : undefined,
    mtu: undefined,
    advmss: undefined,
    isOnLink: false,
    ways: [{ index, gateway: undefined }],
  };
  const own = {
    ...rest,
    destination: { address: prefix.address, length: ADDRESS_BITS[family] },
    table: tables.local,
    priority: 0,
    scope: family === 4 ? RT_SCOPE_HOST : RT_SCOPE.UNIVERSE,
    type: RTN.LOCAL,
  };
  // Of lo all of 127.0.0.0/8 is local, and of main nothing.
  if (isLoopback(prefix.address)) return [{ ...own, destination: family === 4 ? network(prefix) : own.destination }];
  const isAlone = family === 4 && prefix.length === ADDRESS_BITS[4];
  if (isAlone || (flags & IFA_F.NOPREFIXROUTE) !== 0) return [own];
  const whole = {
    ...rest,
    destination: network(prefix),
    table: tables.main,
    priority: PRIORITY[family],
    scope: family === 4 ? RT_SCOPE.LINK : RT_SCOPE.UNIVERSE,
    type: RTN.UNICAST,
  };
  return [own, whole];
}

/** Whether another IPv4 address of the same subnet came before it on its link. */
export function isSecondary(own: readonly FakeAddress[], { prefix }: FakeAddress): boolean {
  const [first] = own.filter((each) => {
    return each.prefix.length === prefix.length && prefixContains(prefix, each.prefix.address);
  });
  return prefix.address.family === 4 && first !== undefined && !isSamePrefix(first.prefix, prefix);
}

/** What lo has as soon as it is up. */
export function addLoopbackAddresses(namespace: FakeNamespace, lo: FakeLink): void {
  const rest = { index: lo.index, scope: RT_SCOPE_HOST, broadcast: undefined, flags: IFA_F_PERMANENT };
  const four = { prefix: { address: { family: 4, value: 0x7f00_0001n }, length: 8 }, ...rest } as const;
  const six = { prefix: { address: { family: 6, value: 1n }, length: 128 }, ...rest } as const;
  for (const address of [four, six]) {
    if (namespace.addressesOf(lo.index, address.prefix.address.family).length > 0) continue;
    namespace.addresses = [...namespace.addresses, address];
  }
}

/** The others that go with an IPv4 address that was the first of its subnet on the link. */
export function secondariesOf(namespace: FakeNamespace, address: FakeAddress): readonly FakeAddress[] {
  const { prefix, index } = address;
  if (prefix.address.family === 6) return [];
  const alike = namespace.addressesOf(index, 4).filter((each) => {
    return each.prefix.length === prefix.length && prefixContains(prefix, each.prefix.address);
  });
  return alike[0] === address ? alike.slice(1) : [];
}

function isSameRoute(a: FakeRoute, b: FakeRoute): boolean {
  return (
    a.table === b.table &&
    a.type === b.type &&
    a.protocol === b.protocol &&
    isSamePrefix(a.destination, b.destination) &&
    a.ways.length === 1 &&
    a.ways[0]?.index === b.ways[0]?.index &&
    a.ways[0]?.gateway === undefined
  );
}
