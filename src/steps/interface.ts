import { CniError } from "../cni/error.ts";
import type { IpConfig, Route } from "../cni/result.ts";
import { formatAddress } from "../ip/address.ts";
import { broadcastAddress, formatPrefix, network, type Prefix } from "../ip/prefix.ts";
import { addAddress } from "../netlink/address/add.ts";
import { waitForDad } from "../netlink/address/wait.ts";
import { IF_OPER } from "../netlink/link/attributes.ts";
import type { LinkBrief } from "../netlink/link/brief.ts";
import { getLink } from "../netlink/link/get.ts";
import type { Link, LinkId } from "../netlink/link/message.ts";
import { setLink, setLinkUp } from "../netlink/link/set.ts";
import { waitForLink } from "../netlink/link/wait.ts";
import { addRoute, type NewRoute } from "../netlink/route/add.ts";
import { RT_TABLE } from "../netlink/route/header.ts";
import { gatewayOfRoute } from "./address-plan.ts";
import type { Container } from "./host.ts";
import { attemptSysctl } from "./sysctl.ts";

/** A route of a container's interface: one of a result, or with more that only the kernel is told. */
export type InterfaceRoute = Route & Pick<NewRoute, "preferredSource" | "onlink">;

/** How long duplicate address detection may take in ms: two seconds, and more on a busy machine. */
const DAD_MS = 15_000;

/**
 * Sets how the container's interface announces its addresses and whether it detects duplicates (`enableDad`: about one second
 * for each IPv6 address), then brings it up. With `foreseeable`, its IPv6 link-local address is linkLocalAddress of its MAC,
 * whatever the namespace's default is. With `managed`, it accepts no addresses and routes from router advertisements.
 */
export function prepareInterface(
  container: Container,
  link: LinkId,
  options: { enableDad: boolean; foreseeable: boolean; managed: boolean },
): void {
  const { name } = link;
  const IN6_ADDR_GEN_MODE_EUI64 = "0";
  const parameters = {
    ...(options.foreseeable ? { [`net/ipv6/conf/${name}/addr_gen_mode`]: IN6_ADDR_GEN_MODE_EUI64 } : {}),
    ...(options.enableDad
      ? { [`net/ipv6/conf/${name}/enhanced_dad`]: "1", [`net/ipv6/conf/${name}/accept_dad`]: "1" }
      : { [`net/ipv6/conf/${name}/accept_dad`]: "0" }),
    ...(options.managed ? { [`net/ipv6/conf/${name}/accept_ra`]: "0" } : {}),
    [`net/ipv4/conf/${name}/arp_notify`]: "1",
    [`net/ipv6/conf/${name}/ndisc_notify`]: "1",
  };
  container.within((sysctls) => {
    for (const [path, value] of Object.entries(parameters)) attemptSysctl(() => sysctls.writeUnread(path, value));
  });
  setLinkUp(container.netlink, link);
}

/** How long in ms a link that was set up may take to carry traffic. Usually it takes about a millisecond. */
const CARRIER_MS = 1000;

/**
 * Sets the addresses and routes of the container's interface. With `isRouted`, an address with a gateway gets no route to its
 * network. A route without a gateway uses the gateway of the first address of its family that has one. If no address has one, or the
 * route's scope is link, it leads to the link itself. Duplicate routes are added once. The addresses are ready for use on return;
 * with `enableDad`, no other host on the link has them. Undefined leaves that to the namespace, which detects duplicates by
 * default. With `bringUp`, the link is brought up between addresses and routes, so the kernel announces the addresses where
 * arp_notify and ndisc_notify are set.
 * @throws CniError addressUnavailable if another host has an address, NetlinkError
 */
export function configureInterface(container: Container, link: LinkBrief, settings: InterfaceSettings): void {
  const { ips, routes, enableDad, bringUp = false, isRouted = false } = settings;
  const { netlink } = container;
  const ipv6 = ips.filter(isIpv6).map(({ address }) => address);
  if (ipv6.length > 0) enableIpv6(container, link);
  for (const { address, gateway } of ips) {
    const withoutDad = address.address.family === 6 && enableDad === false;
    const withoutRoute = isRouted && gateway !== undefined;
    addAddress(netlink, link, { prefix: address, broadcast: broadcastAddress(address), withoutDad, withoutRoute });
  }
  if (bringUp) setLinkUp(netlink, link);
  if (ipv6.length > 0 && (enableDad ?? hasCarrier(container, link))) awaitUniqueness(container, link, ipv6);
  for (const route of uniqueRoutes(ips, routes)) addRoute(netlink, link, route);
}

/** What configureInterface() sets. */
interface InterfaceSettings {
  readonly ips: readonly IpConfig[];
  readonly routes: readonly InterfaceRoute[];
  readonly enableDad: boolean | undefined;
  readonly bringUp?: boolean;
  readonly isRouted?: boolean;
}

/**
 * Announces the container's addresses to the neighbours. If arp_notify and ndisc_notify are set and a MAC is set (even the
 * current one), the kernel sends a gratuitous ARP for each IPv4 address and an unsolicited neighbour advertisement for each
 * IPv6 address. A packet socket could also send them, but closing it takes 8 to 16 ms.
 */
export function announceAddresses(container: Container, link: LinkBrief): void {
  setLink(container.netlink, link, { mac: link.mac });
}

/** Enables IPv6 if an address needs it and the container has it disabled. The address stays when the link goes down. */
function enableIpv6(container: Container, link: LinkId): void {
  container.within((sysctls) => {
    for (const name of ["lo", link.name]) attemptSysctl(() => sysctls.write(`net/ipv6/conf/${name}/disable_ipv6`, "0"));
    sysctls.write(`net/ipv6/conf/${link.name}/keep_addr_on_down`, "1");
  });
}

/** The lowest MTU for IPv6 on a link. The kernel removes all IPv6 addresses of a link with a lower MTU. RFC 8200, 5 */
export const IPV6_MIN_MTU = 1280;

/** Refuses IPv6 addresses if the MTU of their link is too small for them. @throws CniError invalidConfig */
export function refuseMtuBelowIpv6(ips: readonly IpConfig[], mtu: number | undefined): void {
  const own = ips.find(isIpv6)?.address;
  if (own === undefined || mtu === undefined || mtu >= IPV6_MIN_MTU) return;
  const message = `Cannot use mtu ${mtu} with address ${formatPrefix(own)}: IPv6 needs at least ${IPV6_MIN_MTU}`;
  throw new CniError("invalidConfig", message);
}

/** Checks only the addresses that ADD set, not those that the interface gave itself. */
function awaitUniqueness({ netlink }: Container, link: LinkId, prefixes: readonly Prefix[]): void {
  const addresses = waitForDad(netlink, link, { timeout: DAD_MS, prefixes });
  const duplicate = addresses.find((address) => address.duplicate);
  if (duplicate !== undefined) {
    const text = formatPrefix(duplicate.prefix);
    throw new CniError("addressUnavailable", `link ${link.name} has address ${text} in DADFAILED state`);
  }
  const tentative = addresses.find((address) => address.tentative);
  // Duplicate address detection does not end on a link without a carrier.
  if (tentative !== undefined && getLink(netlink, link.index).operationalState === IF_OPER.UP) {
    const message = `link ${link.name} has address ${formatPrefix(tentative.prefix)} still tentative after ${DAD_MS / 1000} s`;
    throw new CniError("deadlineExceeded", message);
  }
}

/** Whether a link that is up carries traffic. Without a carrier, duplicate address detection never ends. */
function hasCarrier({ netlink }: Container, link: LinkId): boolean {
  const READY: readonly number[] = [IF_OPER.UP, IF_OPER.UNKNOWN];
  const until = ({ operationalState }: Link) => READY.includes(operationalState);
  return waitForLink(netlink, link, { timeout: CARRIER_MS, until }) !== undefined;
}

function isIpv6({ address }: IpConfig): boolean {
  return address.address.family === 6;
}

/** The routes as the request to the kernel has them, without duplicates: the kernel refuses a second one. */
function uniqueRoutes(ips: readonly IpConfig[], routes: readonly InterfaceRoute[]): readonly NewRoute[] {
  const wanted = new Map<string, NewRoute>();
  for (const given of routes) {
    const { dst, gw: _, ...rest } = given;
    const route = { ...rest, destination: dst, gateway: gatewayOfRoute(ips, given) };
    wanted.set(identify(route), route);
  }
  return [...wanted.values()];
}

/** The kernel treats two routes with one key as duplicates. */
function identify({ destination, gateway, table, priority, scope, mtu, advmss }: NewRoute): string {
  const via = gateway === undefined ? "" : formatAddress(gateway);
  const numbers = [table || RT_TABLE.MAIN, priority, scope, mtu, advmss].map((number) => number ?? 0);
  return [formatPrefix(network(destination)), via, ...numbers].join(" ");
}
