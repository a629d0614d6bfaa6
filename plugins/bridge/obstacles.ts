import type { Request } from "../../src/cni/request.ts";
import type { IpConfig } from "../../src/cni/result.ts";
import type { Family } from "../../src/ip/address.ts";
import type { Prefix } from "../../src/ip/prefix.ts";
import { setting } from "../../src/linux/sysctl-name.ts";
import { findForwardRefusal, listDroppingChains } from "../../src/netfilter/forward-refusal.ts";
import { findNftChain } from "../../src/netfilter/iptables/nft-filter.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { listUplinks } from "../../src/netlink/route/uplinks.ts";
import { forwardFrom, forwardingOf } from "../../src/steps/forwarding.ts";
import type { Host } from "../../src/steps/host.ts";
import { openNetfilter } from "../../src/steps/netfilter.ts";
import { checkPath } from "./host-path.ts";

/** The chain in which `firewall` lets iptables accept containers' packets. */
const ACCEPTING = "CNI-FORWARD";

/**
 * Looks for what separates a gateway with new addresses from its containers. Fixes settings of the gateway's own link, and logs the rest.
 * Runs only in the ADD that adds the addresses.
 */
export function examineGateway(
  request: Request,
  host: Host,
  { gateway, added, ips }: { gateway: LinkId; added: readonly Prefix[]; ips: readonly IpConfig[] },
): void {
  const families = [...new Set(added.map(({ address }) => address.family))];
  forwardFrom(host, gateway.name, families);
  for (const line of [
    ...checkPath(host, gateway, { ips, ifname: request.ifname }),
    ...findObstacles(request, host, families),
  ])
    request.log(line);
}

/** What on the host blocks the containers of a new gateway, as sentences. */
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
    ...(families.includes(4) ? checkUplinks(host) : []),
  ];
}

/** Checks forwarding on the uplinks. IPv4 checks the link that a packet came in by; IPv6 only the host-wide setting. */
function checkUplinks(host: Host): readonly string[] {
  const names = listUplinks(host.netlink, 4).map(({ name }) => name);
  const off = names.filter((name) => host.sysctls.find(forwardingOf(name, 4)) === "0");
  return off.map((name) => {
    const remedy = setting(forwardingOf(name, 4), "1");
    return `Link "${name}" does not forward IPv4, so no answer comes to containers through it: ${remedy}`;
  });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
