import { formatAddress } from "../ip/address.ts";
import { formatPrefix } from "../ip/prefix.ts";
import { parseConfig } from "./config.ts";
import type { Result } from "./result.ts";
import { formatDns, formatRoute, readInterface, unlessEmpty } from "./result-members.ts";
import { result04x } from "./schema.ts";
import type { SpecVersion } from "./version.ts";

/** Reads a result of 0.3.0 to 0.4.0. Ignores the `version` of an address, because the address itself shows its family. */
export function parseResult04x(json: unknown): Result {
  const { interfaces = [], ips = [], routes = [], dns: resolver = {} } = parseConfig(result04x, json);
  return { interfaces: interfaces.map(readInterface), ips, routes, dns: resolver };
}

/** The members of a result of 0.3.0 to 0.4.0, in the order of the reference's structs. dns is always included. */
export function formatResult04x(result: Result, version: SpecVersion): Readonly<Record<string, unknown>> {
  return {
    cniVersion: version,
    interfaces: unlessEmpty(
      result.interfaces.map(({ name, mac, sandbox }) => ({
        name,
        mac: unlessEmpty(mac),
        sandbox: unlessEmpty(sandbox),
      })),
    ),
    ips: unlessEmpty(
      result.ips.map((ip) => ({
        version: String(ip.address.address.family),
        interface: ip.interface,
        address: formatPrefix(ip.address),
        gateway: ip.gateway && formatAddress(ip.gateway),
      })),
    ),
    routes: unlessEmpty(result.routes.map(formatRoute)),
    dns: formatDns(result.dns),
  };
}
