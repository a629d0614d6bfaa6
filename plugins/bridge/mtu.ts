import { IF_OPER } from "../../src/netlink/link/attributes.ts";
import type { LinkBrief } from "../../src/netlink/link/brief.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { findDefaultRoute } from "../../src/netlink/route/default.ts";
import type { Netlink } from "../../src/netlink/socket.ts";
import type { BridgeConfig } from "./config.ts";

/**
 * The MTU to give to bridge and veth, 0 for the kernel's own. `"auto"` is that of the link that holds the host's default route,
 * IPv4's where there is one, else IPv6's, and of several the lowest; without one it is the kernel's, which is told.
 */
export function chooseMtu(host: Netlink, mtu: BridgeConfig["mtu"], log: (line: string) => void): number {
  if (mtu !== "auto") return mtu;
  for (const family of [4, 6] as const) {
    const mtus = linksOf(host, family).map((link) => link.mtu);
    if (mtus.length > 0) return Math.min(...mtus);
  }
  log(`mtu "auto": this host has no default route, so the kernel's own MTU is taken`);
  return 0;
}

/**
 * Tells of a new port whose MTU is not that of the ports that were there: larger packets do not get from one to the other. The kernel keeps
 * the lowest as the bridge's, unless somebody set that; so nothing is asked of the ports.
 */
export function reportMtu(
  { before, now, port }: { before: Link; now: LinkBrief; port: LinkBrief },
  log: (line: string) => void,
): void {
  const others = before.operationalState === IF_OPER.UP ? before.mtu : now.mtu;
  if (others === port.mtu) return;
  const least = Math.min(others, port.mtu);
  log(
    `Port "${port.name}" has MTU ${port.mtu}, bridge "${now.name}" and its other ports ${others}: packets of more than ${least} bytes are dropped between them; give all the same with "mtu"`,
  );
}

/** Never lo, whose MTU no other link has. */
function linksOf(host: Netlink, family: 4 | 6): readonly Link[] {
  const route = findDefaultRoute(host, family);
  const indexes = [route?.index, ...(route?.nextHops ?? []).map(({ index }) => index)];
  const links = indexes.map((index) => (index === undefined ? undefined : findLink(host, index)));
  return links.filter((link) => link !== undefined).filter(({ name }) => name !== "lo");
}
