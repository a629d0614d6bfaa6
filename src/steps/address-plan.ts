import type { IpConfig, Result, Route } from "../cni/result.ts";
import { type Address, type Family, offsetAddress } from "../ip/address.ts";
import { isSamePrefix, networkAddress, type Prefix } from "../ip/prefix.ts";
import { RT_SCOPE, RT_TABLE } from "../netlink/route/header.ts";

/** The addresses and routes of a container after IPAM, and the gateway addresses that the host gets. */
export interface AddressPlan {
  readonly ips: readonly IpConfig[];
  readonly routes: readonly Route[];
  readonly gatewayAddresses: readonly Prefix[];
}

/** The gateway settings of the configuration, and the index of the container's interface in the result. */
export interface GatewayConfig {
  readonly isGateway: boolean;
  readonly isDefaultGateway: boolean;
  readonly interface: number;
}

/**
 * Adds the gateway settings of the configuration to IPAM's answer. With `isGateway`, an address without a gateway gets the
 * first address of its network as gateway, and the host gets every gateway address. With `isDefaultGateway`, each family gets a
 * default route unless IPAM gave one.
 */
export function planAddresses(ipam: Pick<Result, "ips" | "routes">, config: GatewayConfig): AddressPlan {
  const ips = ipam.ips.map((ip) => withGateway(ip, config));
  const routes = config.isDefaultGateway ? [...ipam.routes, ...missingDefaults(ips, ipam.routes)] : ipam.routes;
  const gatewayAddresses = config.isGateway ? uniquePrefixes(ips.flatMap(gatewayPrefix)) : [];
  return { ips, routes, gatewayAddresses };
}

/**
 * The gateway by which a route of a result leads: its own, or that of the first address of its family that has one. Undefined if the route
 * leads to the link itself: no address has a gateway, or the scope is link.
 */
export function gatewayOfRoute(ips: readonly IpConfig[], { dst, gw, scope }: Route): Address | undefined {
  const isOnLink = scope !== undefined && scope >= RT_SCOPE.LINK;
  return gw ?? (isOnLink ? undefined : gatewayOf(ips, dst.address.family));
}

function gatewayOf(ips: readonly IpConfig[], family: Family): Address | undefined {
  return ips.find(({ gateway }) => gateway?.family === family)?.gateway;
}

function withGateway(ip: IpConfig, { isGateway, interface: index }: GatewayConfig): IpConfig {
  const gateway = ip.gateway ?? (isGateway ? offsetAddress(networkAddress(ip.address), 1n) : undefined);
  return { ...ip, interface: index, ...(gateway === undefined ? {} : { gateway }) };
}

function missingDefaults(ips: readonly IpConfig[], given: readonly Route[]): Route[] {
  return ([4, 6] as const).flatMap((family) => {
    const gateway = gatewayOf(ips, family);
    if (gateway === undefined || given.some((route) => isDefault(route, family))) return [];
    return [{ dst: defaultPrefix(gateway), gw: gateway }];
  });
}

/**
 * A default route without a gateway counts too, because it uses the gateway of the address. A default route in another table
 * does not count.
 */
function isDefault({ dst, table }: Route, family: Family): boolean {
  return dst.address.family === family && dst.length === 0 && (!table || table === RT_TABLE.MAIN);
}

function defaultPrefix(gateway: Address): Prefix {
  return { address: { family: gateway.family, value: 0n }, length: 0 };
}

function gatewayPrefix(ip: IpConfig): Prefix[] {
  return ip.gateway === undefined ? [] : [{ address: ip.gateway, length: ip.address.length }];
}

function uniquePrefixes(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter((prefix, index) => prefixes.findIndex((other) => isSamePrefix(other, prefix)) === index);
}
