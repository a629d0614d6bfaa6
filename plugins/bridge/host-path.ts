import type { IpConfig } from "../../src/cni/result.ts";
import { type Address, formatAddress, isSameAddress } from "../../src/ip/address.ts";
import { formatPrefix, type Prefix } from "../../src/ip/prefix.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { findRoute } from "../../src/netlink/route/list.ts";
import type { Host } from "../../src/steps/host.ts";

/** The link through which the host reaches its own addresses. */
const LOOPBACK = "lo";

/**
 * The container addresses that the host does not reach through the container's link, as sentences. If two links have one
 * network, the host uses only one of them, and the containers behind the other lose connectivity. An address without a gateway
 * is not routed through the host.
 */
export function checkPath(host: Host, link: LinkId, ips: readonly IpConfig[]): string[] {
  return ips.filter(({ gateway }) => gateway !== undefined).flatMap((ip) => describePath(host, link, ip.address));
}

function describePath(host: Host, link: LinkId, { address, length }: Prefix): string[] {
  const index = findRoute(host.netlink, address)?.index;
  if (index === link.index) return [];
  const text = formatAddress(address);
  const expected = `expected link "${link.name}"`;
  if (index === undefined) return [`The host has no route to ${text}, ${expected}`];
  const other = findLink(host.netlink, index);
  // With CNI_NETNS_OVERRIDE the container is the host.
  if (other !== undefined && isOwnAddress(host, other, address)) return [];
  const found = `The host reaches ${text} through link "${other?.name ?? index}", ${expected}`;
  const route = findRoute(host.netlink, address, { whole: true });
  if (route !== undefined && route.destination.length < length)
    return [
      `${found}: that is its route to ${formatPrefix(route.destination)}, and "${link.name}" has no address for it`,
    ];
  return [`${found}: both have its network, give each one of its own`];
}

/** Whether the host itself has an address that it reaches through the link. The kernel routes a new IPv6 one through "lo" only later. */
function isOwnAddress(host: Host, link: LinkId, address: Address): boolean {
  if (link.name === LOOPBACK) return true;
  return listAddresses(host.netlink, link, address.family).some(({ prefix }) => isSameAddress(prefix.address, address));
}
