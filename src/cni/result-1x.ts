import { formatAddress } from "../ip/address.ts";
import { formatPrefix } from "../ip/prefix.ts";
import { parseConfig } from "./config.ts";
import type { Result } from "./result.ts";
import { formatDns, formatRoute, readInterface, unlessEmpty } from "./result-members.ts";
import { result1x } from "./schema.ts";
import type { SpecVersion } from "./version.ts";

/** Reads a result of 1.0.0 or 1.1.0. */
export function parseResult1x(json: unknown): Result {
  const { interfaces = [], ips = [], routes = [], dns: resolver = {} } = parseConfig(result1x, json);
  return { interfaces: interfaces.map(readInterface), ips, routes, dns: resolver };
}

/**
 * The members of a result of 1.0.0 or 1.1.0, sorted alphabetically at every level as the reference prints them. An empty dns is left
 * out.
 */
export function formatResult1x(result: Result, version: SpecVersion): Readonly<Record<string, unknown>> {
  const resolver = sortKeys(formatDns(result.dns));
  return {
    cniVersion: version,
    dns: Object.values(resolver).every((each) => each === undefined) ? undefined : resolver,
    interfaces: unlessEmpty(
      result.interfaces.map((each) => ({
        mac: unlessEmpty(each.mac),
        mtu: unlessEmpty(each.mtu),
        name: each.name,
        pciID: unlessEmpty(each.pciID),
        sandbox: unlessEmpty(each.sandbox),
        socketPath: unlessEmpty(each.socketPath),
      })),
    ),
    ips: unlessEmpty(
      result.ips.map((ip) => ({
        address: formatPrefix(ip.address),
        gateway: ip.gateway && formatAddress(ip.gateway),
        interface: ip.interface,
      })),
    ),
    routes: unlessEmpty(result.routes.map((each) => sortKeys(formatRoute(each)))),
  };
}

function sortKeys(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));
}
