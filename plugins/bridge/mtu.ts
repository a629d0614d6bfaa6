import { CniError } from "../../src/cni/error.ts";
import type { Interface } from "../../src/cni/result.ts";
import { isLinkLocal } from "../../src/ip/address.ts";
import { formatPrefix } from "../../src/ip/prefix.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { IF_OPER } from "../../src/netlink/link/attributes.ts";
import type { LinkBrief } from "../../src/netlink/link/brief.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { listUplinks } from "../../src/netlink/route/uplinks.ts";
import type { AddressPlan } from "../../src/steps/address-plan.ts";
import type { Host } from "../../src/steps/host.ts";
import { IPV6_MIN_MTU, refuseMtuBelowIpv6 } from "../../src/steps/interface.ts";
import type { BridgeConfig } from "./config.ts";

/**
 * The MTU for bridge and veth, 0 for the kernel's default. `"auto"` takes the MTU of the link with the host's default route: of IPv4, or
 * of IPv6 if there is no IPv4 one. Several links give the lowest. Without a default route, the kernel's default is used and that is
 * logged.
 */
export function chooseMtu(host: Host, mtu: BridgeConfig["mtu"], log: (line: string) => void): number {
  if (mtu !== "auto") return mtu;
  for (const family of [4, 6] as const) {
    const mtus = listUplinks(host.netlink, family).map((link) => link.mtu);
    if (mtus.length > 0) return Math.min(...mtus);
  }
  log(`mtu "auto": this host has no default route, so the kernel's own MTU is taken`);
  return 0;
}

/**
 * Logs a warning if a new port's MTU differs from that of the existing ports: larger packets do not pass between them. The kernel gives a
 * bridge the lowest MTU of its ports unless the MTU was set, so the ports are not asked.
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

/**
 * Refuses an MTU that would remove the bridge's IPv6 addresses: a bridge takes the MTU of its smallest port.
 * @throws CniError invalidConfig
 */
export function refuseLosingIpv6(host: Host, bridge: Link, mtu: number): void {
  if (mtu === 0 || mtu >= IPV6_MIN_MTU) return;
  const lost = listAddresses(host.netlink, bridge, 6).find(({ prefix }) => !isLinkLocal(prefix.address));
  if (lost === undefined) return;
  const why = `bridge "${bridge.name}" has ${formatPrefix(lost.prefix)}, and would lose it`;
  throw new CniError("invalidConfig", `Cannot use mtu ${mtu}: ${why}; IPv6 needs at least ${IPV6_MIN_MTU}`);
}

/** Refuses IPv6 addresses if the MTU of the bridge or its port is too small for them. @throws CniError invalidConfig, bridgeConflict */
export function refuseSmallMtu(
  { ips, gatewayAddresses }: Pick<AddressPlan, "ips" | "gatewayAddresses">,
  { bridge, port }: { bridge: Interface; port: Interface },
): void {
  const gateway = gatewayAddresses.find(({ address }) => address.family === 6);
  refuseMtuBelowIpv6(ips, port.mtu);
  if (gateway === undefined || bridge.mtu === undefined || bridge.mtu >= IPV6_MIN_MTU) return;
  const message = `Cannot give bridge "${bridge.name}" address ${formatPrefix(gateway)}: its MTU is ${bridge.mtu}, IPv6 needs at least ${IPV6_MIN_MTU}`;
  throw new CniError("bridgeConflict", message);
}
