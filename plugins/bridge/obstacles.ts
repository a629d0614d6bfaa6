import type { Request } from "../../src/cni/request.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import type { Family } from "../../src/ip/address.ts";
import type { Prefix } from "../../src/ip/prefix.ts";
import { findForwardRefusal, listDroppingChains } from "../../src/netfilter/forward-refusal.ts";
import { findNftChain } from "../../src/netfilter/iptables/nft-filter.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { findDefaultRoute } from "../../src/netlink/route/default.ts";
import type { Host } from "../../src/steps/host.ts";
import { checkPath } from "../../src/steps/host-path.ts";
import { openNetfilter } from "../../src/steps/netfilter.ts";
import { attemptSysctl } from "../../src/steps/sysctl.ts";

/** The chain by which `firewall` has iptables accept containers' packets. */
const ACCEPTING = "CNI-FORWARD";

/**
 * What stands between a gateway that has new addresses and its containers is made right where it is the gateway's own, and else told: once, by the ADD
 * that gives it the addresses.
 */
export function examineGateway(
  request: Request,
  host: Host,
  { gateway, added, ips }: { gateway: LinkId; added: readonly Prefix[]; ips: readonly IpConfig[] },
): void {
  const families = [...new Set(added.map(({ address }) => address.family))];
  forwardFrom(host, gateway, families);
  for (const line of [...checkPath(host, gateway, ips), ...findObstacles(request, host, families)]) request.log(line);
}

/** Has a new gateway forward packets, also on a host that switches that on for each link by itself (conf/default/forwarding 0). */
function forwardFrom(host: Host, gateway: LinkId, families: readonly Family[]): void {
  for (const family of families) {
    const path = forwardingOf(gateway.name, family);
    if (host.sysctls.find(path) === "0") attemptSysctl(() => host.sysctls.write(path, "1"));
  }
}

/** What on the host keeps the containers of a new gateway from others, as sentences. */
function findObstacles(request: Request, host: Host, families: readonly Family[]): readonly string[] {
  const { netlink } = openNetfilter(host, request);
  const tables = families.flatMap((family) => (["nft", "legacy"] as const).map((variant) => ({ family, variant })));
  const refusals = tables
    .filter(({ family }) => netlink === undefined || findNftChain(netlink, { family, name: ACCEPTING }) === undefined)
    .flatMap((table) => findForwardRefusal(netlink, table) ?? []);
  const advice =
    'containers are cut off unless "firewall" stands behind "bridge" in the list, or rules there accept their packets; published ports need such rules';
  return [
    ...[...refusals, ...(netlink === undefined ? [] : listDroppingChains(netlink))].map(
      (why) => `${capital(why)}: ${advice}`,
    ),
    ...(families.includes(4) ? checkUplink(host) : []),
  ];
}

/** IPv4 asks the link that a packet came through; IPv6 the host as a whole. */
function checkUplink(host: Host): readonly string[] {
  const index = findDefaultRoute(host.netlink, 4)?.index;
  const name = index === undefined ? undefined : findLink(host.netlink, index)?.name;
  if (name === undefined || host.sysctls.find(forwardingOf(name, 4)) !== "0") return [];
  return [
    `Link "${name}" does not forward IPv4, so no answer comes to containers through it: sysctl -w net.ipv4.conf.${name}.forwarding=1`,
  ];
}

function forwardingOf(link: string, family: Family): string {
  return `net/ipv${family}/conf/${link}/forwarding`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
