import { formatAddress } from "../ip/address.ts";
import { formatPrefix } from "../ip/prefix.ts";
import { parseConfig } from "./config.ts";
import { CniError } from "./error.ts";
import type { IpConfig, Result } from "./result.ts";
import { formatDns, formatRoute, unlessEmpty } from "./result-members.ts";
import { result02x } from "./schema.ts";
import type { SpecVersion } from "./version.ts";

/** Reads a result of 0.1.0 or 0.2.0: at most one address per family, routes under their family, no interfaces. */
export function parseResult02x(json: unknown): Result {
  const { ip4, ip6, dns: resolver } = parseConfig(result02x, json);
  const families = [ip4, ip6].filter((each) => each !== undefined);
  return {
    interfaces: [],
    ips: families.map(({ ip: found, gateway }) => ({ address: found, gateway })),
    routes: families.flatMap(({ routes }) => routes ?? []),
    dns: resolver ?? {},
  };
}

/**
 * The members of a result of 0.1.0 or 0.2.0: the first address of each family, with the destinations and gateways of that family's
 * routes. The format cannot express the rest. @throws CniError invalidConfig if there is no address
 */
export function formatResult02x(result: Result, version: SpecVersion): Readonly<Record<string, unknown>> {
  const ip4 = formatFamily(result, 4);
  const ip6 = formatFamily(result, 6);
  if (ip4 === undefined && ip6 === undefined) {
    throw new CniError("invalidConfig", "cannot convert: no valid IP addresses", {
      details: `cniVersion ${version} has no result without an address; use 0.3.0 or later`,
    });
  }
  return { cniVersion: version, ip4, ip6, dns: formatDns(result.dns) };
}

function formatFamily(result: Result, family: 4 | 6): Readonly<Record<string, unknown>> | undefined {
  const ip: IpConfig | undefined = result.ips.find((each) => each.address.address.family === family);
  if (ip === undefined) return undefined;
  const routes = result.routes.filter((route) => route.dst.address.family === family);
  return {
    ip: formatPrefix(ip.address),
    gateway: ip.gateway && formatAddress(ip.gateway),
    routes: unlessEmpty(routes.map(({ dst, gw }) => formatRoute({ dst, gw }))),
  };
}
