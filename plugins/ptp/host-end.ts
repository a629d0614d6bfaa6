import { CniError } from "../../src/cni/error.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import { type Family, formatAddress } from "../../src/ip/address.ts";
import { isSamePrefix, isSingle, type Prefix, single } from "../../src/ip/prefix.ts";
import { addAddress } from "../../src/netlink/address/add.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { setLinkUp } from "../../src/netlink/link/set.ts";
import { addRoute } from "../../src/netlink/route/add.ts";
import { RT_SCOPE } from "../../src/netlink/route/header.ts";
import { findRoute } from "../../src/netlink/route/list.ts";
import { enableForwarding, forwardFrom } from "../../src/steps/forwarding.ts";
import type { Host } from "../../src/steps/host.ts";
import { attemptSysctl } from "../../src/steps/sysctl.ts";

/**
 * Brings the host's end of a new veth up. Its IPv6 link-local address works at once: the host asks for the container's MAC from it, for
 * packets that come from elsewhere.
 */
export function bringUpHostEnd(host: Host, port: LinkId): void {
  attemptSysctl(() => host.sysctls.writeUnread(`net/ipv6/conf/${port.name}/accept_dad`, "0"));
  setLinkUp(host.netlink, port);
}

/** The gateway addresses of the host's end. Each is there for the container alone. */
export function gatewaysOf(ips: readonly IpConfig[]): readonly Prefix[] {
  const all = ips.flatMap(({ gateway }) => (gateway === undefined ? [] : [single(gateway)]));
  return all.filter((each, index) => all.findIndex((other) => isSamePrefix(other, each)) === index);
}

/** The families of the container's addresses. */
export function familiesOf(ips: readonly IpConfig[]): readonly Family[] {
  return [...new Set(ips.map(({ address }) => address.address.family))];
}

/** Adds gateway addresses to the host's end, like `ip address add ADDRESS/32 dev NAME`. They work at once. @throws NetlinkError */
export function addGateways(host: Host, port: LinkId, gateways: readonly Prefix[]): void {
  // The host may have disabled IPv6 on new links.
  if (gateways.some(({ address }) => address.family === 6))
    attemptSysctl(() => host.sysctls.write(`net/ipv6/conf/${port.name}/disable_ipv6`, "0"));
  for (const prefix of gateways) addAddress(host.netlink, port, { prefix, withoutDad: prefix.address.family === 6 });
}

/**
 * Adds the host's routes to the container, like `ip route add ADDRESS/32 dev NAME scope host`. Where the host's end has no address, that
 * scope would give what the host sends the source 127.0.0.1, which the kernel refuses; then it is "link".
 * @throws CniError addressUnavailable if the host reaches an address elsewhere: it would reach only one of the two; NetlinkError
 */
export function addHostRoutes(host: Host, port: LinkId, ips: readonly IpConfig[]): void {
  for (const { address, gateway } of ips) {
    const destination = single(address.address);
    refuseTaken(host, port, destination);
    const scope = gateway === undefined ? RT_SCOPE.LINK : RT_SCOPE.HOST;
    addRoute(host.netlink, port, { destination, ...(address.address.family === 4 && { scope }) });
  }
}

/** The addresses that the host does not reach through its end of the veth, by a route to each alone. */
export function findMissingRoutes(host: Host, port: LinkId, ips: readonly IpConfig[]): readonly IpConfig[] {
  return ips.filter(({ address }) => {
    const way = findRoute(host.netlink, address.address, { whole: true });
    return way === undefined || way.index !== port.index || !isSingle(way.destination);
  });
}

/** Lets the host forward what comes from the container and goes to it. */
export function forwardFor(host: Host, port: LinkId, families: readonly Family[]): boolean {
  for (const family of families) enableForwarding(host, family);
  return forwardFrom(host, port.name, families);
}

function refuseTaken(host: Host, port: LinkId, { address }: Prefix): void {
  const way = findRoute(host.netlink, address, { whole: true });
  if (way === undefined || !isSingle(way.destination) || way.index === port.index) return;
  const other = way.index === undefined ? undefined : findLink(host.netlink, way.index)?.name;
  const where =
    other === "lo"
      ? "it is the host's own"
      : `the host reaches it through ${other ? `link "${other}"` : "several links"}`;
  throw new CniError("addressUnavailable", `Cannot use address ${formatAddress(address)}: ${where}`, {
    details: "delete what has it: cnictl ps names the attachments of links",
  });
}
