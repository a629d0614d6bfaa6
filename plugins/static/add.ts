import type { Request } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { excludesGateway, formatPrefix, network } from "../../src/ip/prefix.ts";
import { parseStaticConfig, type StaticConfig } from "./config.ts";

/** Returns the addresses, routes and DNS settings as configured or requested. It stores nothing. */
export function add(request: Request): Result {
  const config = parseStaticConfig(request);
  for (const line of findMistakes(request, config)) request.log(line);
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
