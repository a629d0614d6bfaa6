import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { excludesGateway, formatPrefix, network } from "../../src/ip/prefix.ts";
import type { Host } from "../../src/steps/host.ts";
import { parseStaticConfig, type StaticConfig } from "./config.ts";
import { refuseConflicts } from "./conflict.ts";

/**
 * Returns the addresses, routes and DNS settings as configured or requested. It stores nothing. With `checkConflict` it asks the link first
 * whether another host has one of the addresses. @throws CniError addressUnavailable
 */
export function add(request: Request, host: Host): Result {
  const config = parseStaticConfig(request);
  for (const line of findMistakes(request, config)) request.log(line);
  if (config.checkConflict) {
    const addresses = config.ips.map(({ address: { address } }) => address);
    refuseConflicts(request, host, addresses);
  }
  const ips = config.ips.map(({ address, gateway }) => ({ address, gateway }));
  return { interfaces: [], ips, routes: config.routes, dns: config.dns };
}

/** What the kernel takes, but cannot be meant. */
function findMistakes({ network: name }: Request, { ips }: StaticConfig): readonly string[] {
  if (ips.length === 0)
    return [`static has no address for network "${name}": set ipam.addresses, or let the runtime request "ips"`];
  return ips.flatMap(({ address, gateway }) => {
    if (gateway === undefined || !excludesGateway(address, gateway)) return [];
    const subnet = formatPrefix(network(address));
    const what = `Gateway ${formatAddress(gateway)} of network "${name}"`;
    return [`${what} is outside its subnet ${subnet}: the container reaches it only by a route of its own`];
  });
}
