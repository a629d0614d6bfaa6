import { CniError } from "../../src/cni/error.ts";
import type { IpConfig, Result, Route } from "../../src/cni/result.ts";
import { type Address, formatAddress, isSameAddress, isUnspecified } from "../../src/ip/address.ts";
import { formatPrefix, isSamePrefix, isSingle, network, single } from "../../src/ip/prefix.ts";
import { RT_SCOPE } from "../../src/netlink/route/header.ts";
import type { InterfaceRoute } from "../../src/steps/interface.ts";

/** Index of the container's interface in the result: the host's end of the veth is 0. */
const CONTAINER_INTERFACE = 1;

/**
 * The addresses of IPAM's answer as those of the container's interface.
 * @throws CniError delegateFailed if a gateway is of the other family, or an address of the container: then the host would have it, too
 */
export function planIps({ ips }: Pick<Result, "ips">): readonly IpConfig[] {
  for (const { address, gateway } of ips) {
    if (gateway === undefined || gateway.family === address.address.family) continue;
    const other = `${formatAddress(gateway)} for address ${formatPrefix(address)}`;
    throw new CniError("delegateFailed", `Cannot use gateway ${other}: it is of the other family`);
  }
  for (const { gateway } of ips) {
    if (gateway === undefined || !ips.some(({ address }) => isSameAddress(address.address, gateway))) continue;
    throw new CniError(
      "delegateFailed",
      `Cannot use gateway ${formatAddress(gateway)}: it is the container's own address`,
    );
  }
  return ips.map((ip) => ({ ...ip, interface: CONTAINER_INTERFACE }));
}

/**
 * The routes inside the container. The gateway is on the link, and everything else is behind it, also the rest of the address's own
 * network: there is nobody else on the link. An address without a gateway keeps the kernel's route to its network. A route to a gateway
 * that is no address's own takes it to be on the link, too.
 */
export function planRoutes(ips: readonly IpConfig[], routes: readonly Route[]): readonly InterfaceRoute[] {
  const ways = ips.flatMap(({ address, gateway }, index): readonly InterfaceRoute[] => {
    if (gateway === undefined) return [];
    const earlier = ips.slice(0, index).filter((each) => each.gateway !== undefined);
    const preferredSource = address.address;
    const isKnown = isGatewayOf(earlier, gateway);
    const isJoined = earlier.some((each) => isSamePrefix(network(each.address), network(address)));
    return [
      ...(isKnown ? [] : [{ dst: single(gateway), scope: RT_SCOPE.LINK, preferredSource }]),
      ...(isJoined || isSingle(address) ? [] : [{ dst: network(address), gw: gateway, preferredSource }]),
    ];
  });
  // The kernel takes 0.0.0.0 for no gateway, and refuses that a route without one has it on the link.
  const onlink = ({ gw }: Route) =>
    gw !== undefined && !isUnspecified(gw) && !isGatewayOf(ips, gw) ? { onlink: true } : {};
  return [...ways, ...routes.map((route) => ({ ...route, ...onlink(route) }))];
}

function isGatewayOf(ips: readonly IpConfig[], address: Address): boolean {
  return ips.some(({ gateway }) => gateway !== undefined && isSameAddress(gateway, address));
}
