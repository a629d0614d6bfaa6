import { CniError } from "../cni/error.ts";
import type { IpConfig, Route } from "../cni/result.ts";
import { type Address, type Family, formatAddress } from "../ip/address.ts";
import { broadcastAddress, formatPrefix, network, type Prefix } from "../ip/prefix.ts";
import { addAddress } from "../netlink/address/add.ts";
import { waitForDad } from "../netlink/address/wait.ts";
import { IF_OPER } from "../netlink/link/attributes.ts";
import type { LinkBrief } from "../netlink/link/brief.ts";
import { getLink } from "../netlink/link/get.ts";
import type { LinkId } from "../netlink/link/message.ts";
import { setLink, setLinkUp } from "../netlink/link/set.ts";
import { addRoute, type NewRoute } from "../netlink/route/add.ts";
import { RT_SCOPE, RT_TABLE } from "../netlink/route/header.ts";
import type { Container } from "./host.ts";
import { attemptSysctl } from "./sysctl.ts";

/** How long duplicate address detection may take: two seconds, and what a busy machine adds. */
const DAD_MS = 15_000;

/**
 * Sets up how the container's interface announces itself and whether it looks for duplicates of its addresses
 * (`enableDad`: about a second for each IPv6 address), then brings it up. With `foreseeable` the IPv6 address that it gives itself on
 * its link is linkLocalAddress of its MAC, whatever the namespace's default is. With `managed` its addresses and routes are
 * those that it is given: it takes none from router advertisements.
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

/**
 * Gives the container's interface its addresses and routes. A route without a gateway leads through that of the first
 * address of its family that has one, else to the link itself, as does one whose scope is the link. Routes that are the same are one.
 * Addresses are ready for use on return; with `enableDad` it is known that no other host has them.
 * @throws CniError addressUnavailable when an address is in use elsewhere, NetlinkError
 */
export function configureInterface(
  container: Container,
  link: LinkBrief,
  { ips, routes, enableDad }: { ips: readonly IpConfig[]; routes: readonly Route[]; enableDad: boolean },
): void {
  const { netlink } = container;
  const ipv6 = ips.filter(isIpv6).map(({ address }) => address);
  if (ipv6.length > 0) enableIpv6(container, link);
  for (const { address } of ips) {
    const withoutDad = address.address.family === 6 && !enableDad;
    addAddress(netlink, link, { prefix: address, broadcast: broadcastAddress(address), withoutDad });
  }
  if (enableDad && ipv6.length > 0) awaitUniqueness(container, link, ipv6);
  for (const route of uniqueRoutes(ips, routes)) addRoute(netlink, link, route);
}

/**
 * Tells the neighbours where the container's addresses are now: the kernel sends a gratuitous ARP for each IPv4 and an
 * unsolicited neighbour advertisement for each IPv6 address when a link that has arp_notify and ndisc_notify is given a
 * MAC, be it the one it has. A packet socket could send them as well, but closing one takes 8 to 16 ms.
 */
export function announceAddresses(container: Container, link: LinkBrief): void {
  setLink(container.netlink, link, { mac: link.mac });
}

/** A host booted without IPv6 in its containers gets it where an address needs it; the address survives a link that goes down. */
function enableIpv6(container: Container, link: LinkId): void {
  container.within((sysctls) => {
    for (const name of ["lo", link.name]) attemptSysctl(() => sysctls.write(`net/ipv6/conf/${name}/disable_ipv6`, "0"));
    sysctls.write(`net/ipv6/conf/${link.name}/keep_addr_on_down`, "1");
  });
}

/** Other addresses, which the interface gave itself, are nobody's business here. */
function awaitUniqueness({ netlink }: Container, link: LinkId, prefixes: readonly Prefix[]): void {
  const addresses = waitForDad(netlink, link, { timeout: DAD_MS, prefixes });
  const duplicate = addresses.find((address) => address.duplicate);
  if (duplicate !== undefined) {
    const text = formatPrefix(duplicate.prefix);
    throw new CniError("addressUnavailable", `link ${link.name} has address ${text} in DADFAILED state`);
  }
  const tentative = addresses.find((address) => address.tentative);
  // A link without a carrier never comes to the end of it.
  if (tentative !== undefined && getLink(netlink, link.index).operationalState === IF_OPER.UP) {
    const message = `link ${link.name} has address ${formatPrefix(tentative.prefix)} still tentative after ${DAD_MS / 1000} s`;
    throw new CniError("deadlineExceeded", message);
  }
}

function isIpv6({ address }: IpConfig): boolean {
  return address.address.family === 6;
}

/** The routes as the kernel is asked for them. It refuses one that it has already. */
function uniqueRoutes(ips: readonly IpConfig[], routes: readonly Route[]): readonly NewRoute[] {
  const wanted = new Map<string, NewRoute>();
  for (const { dst, gw, ...rest } of routes) {
    const isOnLink = rest.scope !== undefined && rest.scope >= RT_SCOPE.LINK;
    const gateway = gw ?? (isOnLink ? undefined : gatewayOf(ips, dst.address.family));
    const route = { ...rest, destination: dst, gateway };
    wanted.set(identify(route), route);
  }
  return [...wanted.values()];
}

/** Two routes of which this is the same are the same to the kernel. */
function identify({ destination, gateway, table, priority, scope, mtu, advmss }: NewRoute): string {
  const via = gateway === undefined ? "" : formatAddress(gateway);
  const numbers = [table || RT_TABLE.MAIN, priority, scope, mtu, advmss].map((number) => number ?? 0);
  return [formatPrefix(network(destination)), via, ...numbers].join(" ");
}

function gatewayOf(ips: readonly IpConfig[], family: Family): Address | undefined {
  return ips.find(({ gateway }) => gateway?.family === family)?.gateway;
}
