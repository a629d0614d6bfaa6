import type { IpConfig, Result, Route } from "../../src/cni/result.ts";
import { type Address, type Family, offsetAddress } from "../../src/ip/address.ts";
import { isSamePrefix, networkAddress, type Prefix } from "../../src/ip/prefix.ts";
import { RT_TABLE } from "../../src/netlink/route/header.ts";

/** Index of the container's interface in the result: the bridge is 0, the host's end of the veth 1. */
const CONTAINER_INTERFACE = 2;

/** What becomes of IPAM's answer: the container's addresses and routes, and the bridge's own addresses. */
export interface AddressPlan {
  readonly ips: readonly IpConfig[];
  readonly routes: readonly Route[];
  readonly bridgeAddresses: readonly Prefix[];
}

/**
 * Adds to IPAM's answer what the configuration asks for: with `isGateway` an address without a gateway gets the first one
 * of its network, and every gateway is an address of the bridge; with `isDefaultGateway` each family gets a default
 * route, unless IPAM gave one.
 */
export function planAddresses(
  ipam: Pick<Result, "ips" | "routes">,
  config: { readonly isGateway: boolean; readonly isDefaultGateway: boolean },
): AddressPlan {
  const ips = ipam.ips.map((ip) => withGateway(ip, config.isGateway));
  const routes = config.isDefaultGateway ? [...ipam.routes, ...missingDefaults(ips, ipam.routes)] : ipam.routes;
  const bridgeAddresses = config.isGateway ? uniquePrefixes(ips.flatMap(gatewayPrefix)) : [];
  return { ips, routes, bridgeAddresses };
}

function withGateway(ip: IpConfig, isGateway: boolean): IpConfig {
  const gateway = ip.gateway ?? (isGateway ? offsetAddress(networkAddress(ip.address), 1n) : undefined);
  return { ...ip, interface: CONTAINER_INTERFACE, ...(gateway === undefined ? {} : { gateway }) };
}

function missingDefaults(ips: readonly IpConfig[], given: readonly Route[]): Route[] {
  return ([4, 6] as const).flatMap((family) => {
    const gateway = ips.find((ip) => ip.gateway?.family === family)?.gateway;
    if (gateway === undefined || given.some((route) => isDefault(route, family))) return [];
    return [{ dst: defaultPrefix(gateway), gw: gateway }];
  });
}

/** A default route without a gateway counts too: it leads through the address's own. One in another table does not. */
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
