import type { IpConfig } from "../../src/cni/result.ts";
import { type Address, formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { formatPrefix, networkAddress, type Prefix, prefixContains } from "../../src/ip/prefix.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { RT_TABLE, RTN } from "../../src/netlink/route/header.ts";
import { findRoute } from "../../src/netlink/route/list.ts";
import type { KernelRoute } from "../../src/netlink/route/message.ts";
import type { Host } from "../../src/steps/host.ts";

/**
 * The container addresses that the host does not reach through the container's link, as sentences. If two links have one
 * network, the host uses only one of them, and the containers behind the other lose connectivity. An address without a gateway
 * is not routed through the host.
 */
export function checkPath(host: Host, link: LinkId, { ips, ifname }: Addressed): string[] {
  return ips
    .filter(({ gateway }) => gateway !== undefined)
    .flatMap((ip) => describePath(host, { link, ifname, prefix: ip.address }));
}

/** The addresses of a container, and the name of its interface. */
export interface Addressed {
  readonly ips: readonly IpConfig[];
  readonly ifname: string;
}

function describePath(
  host: Host,
  { link, ifname, prefix: { address, length } }: { link: LinkId; ifname: string; prefix: Prefix },
): string[] {
  const index = findRoute(host.netlink, address)?.index;
  if (index === link.index) return [];
  const text = formatAddress(address);
  const expected = `expected link "${link.name}"`;
  if (index === undefined) return [`The host has no route to ${text}, ${expected}`];
  const route = findRoute(host.netlink, address, { whole: true, table: true });
  const other = findLink(host.netlink, route?.index ?? index);
  if (route?.type === RTN.LOCAL || (other !== undefined && hasAddress(host, other, address))) {
    // With CNI_NETNS_OVERRIDE the container is the host.
    if (other?.name === ifname) return [];
    return [`The host itself has ${text}, on link "${other?.name ?? index}": give the network another subnet`];
  }
  const found = `The host reaches ${text} through link "${other?.name ?? index}", ${expected}`;
  return [`${found}: ${explain(host, { link, route, prefix: { address, length } })}`];
}

/** Why another route than that of the link's address is taken. */
function explain(
  host: Host,
  { link, route, prefix }: { link: LinkId; route: KernelRoute | undefined; prefix: Prefix },
): string {
  const sameNetwork = "both have its network, give each one of its own";
  if (route === undefined || route.destination.length === prefix.length) return sameNetwork;
  const its = `that is its route to ${formatPrefix(route.destination)}`;
  if (route.table !== RT_TABLE.MAIN) return `${its} of table ${route.table}, to which a rule of "ip rule" leads`;
  if (route.destination.length > prefix.length) return its;
  const isOwn = ({ prefix: { address, length } }: { prefix: Prefix }) =>
    length === prefix.length && prefixContains(prefix, address);
  const hasOwn = listAddresses(host.netlink, link, prefix.address.family).some(isOwn);
  if (!hasOwn) return `${its}, and "${link.name}" has no address for it`;
  return `${its}, because "${link.name}" has lost its route to ${formatPrefix({ ...prefix, address: networkAddress(prefix) })}`;
}

/** The kernel has no local route to a new IPv6 address for a moment. */
function hasAddress(host: Host, link: LinkId, address: Address): boolean {
  return listAddresses(host.netlink, link, address.family).some(({ prefix }) => isSameAddress(prefix.address, address));
}
