import type { Result, Route } from "../cni/result.ts";
import { ADDRESS_BITS, formatAddress, isSameAddress } from "../ip/address.ts";
import { formatPrefix, isSamePrefix, network, type Prefix } from "../ip/prefix.ts";
import { listAddresses } from "../netlink/address/list.ts";
import type { Link } from "../netlink/link/message.ts";
import { RT_TABLE } from "../netlink/route/header.ts";
import { listRoutes } from "../netlink/route/list.ts";
import type { KernelRoute } from "../netlink/route/message.ts";
import type { Netlink } from "../netlink/socket.ts";

/**
 * What is missing of the addresses and routes that a result gives an interface, as sentences. Addresses of other
 * interfaces in the result are not looked at; more than the result says may be there.
 */
export function checkAddresses(netlink: Netlink, link: Link, result: Result): string[] {
  const ips = result.ips.filter(
    (ip) => ip.interface === undefined || result.interfaces[ip.interface]?.name === link.name,
  );
  const prefixes = ips.map(({ address }) => address);
  const families = new Set([...prefixes, ...result.routes.map(({ dst }) => dst)].map(({ address }) => address.family));
  const present = listAddresses(netlink, link).map(({ prefix }) => prefix);
  const tables = new Set([RT_TABLE.MAIN, ...result.routes.map(tableOf)]);
  const routes = [...families].flatMap((family) =>
    [...tables].flatMap((table) => listRoutes(netlink, { family, table })),
  );
  const isThere = (prefix: Prefix) => present.some((other) => isSamePrefix(other, prefix));
  const isReachable = (wanted: Route) => routes.some((route) => matches(route, wanted));
  return [
    ...prefixes
      .filter((prefix) => !isThere(prefix))
      .map((prefix) => `Interface "${link.name}" has no address ${formatPrefix(prefix)}, found ${list(present)}`),
    ...prefixes
      .filter((prefix) => prefix.length < ADDRESS_BITS[prefix.address.family] && !isReachable({ dst: network(prefix) }))
      .map((prefix) => `Interface "${link.name}" has no route to its network ${formatPrefix(network(prefix))}`),
    ...result.routes.filter((route) => !isReachable(route)).map((route) => `Route ${describe(route)} is missing`),
  ];
}

/** A default route is there whatever its gateway: another plugin or the container may have changed it. */
function matches(found: KernelRoute, wanted: Route): boolean {
  if (found.table !== tableOf(wanted) || !isSamePrefix(found.destination, network(wanted.dst))) return false;
  if (wanted.dst.length === 0 || wanted.gw === undefined) return true;
  const { gw } = wanted;
  const gateways = [found.gateway, ...found.nextHops.map((hop) => hop.attributes.gateway)];
  return gateways.some((gateway) => gateway !== undefined && isSameAddress(gateway, gw));
}

function tableOf({ table = RT_TABLE.UNSPEC }: Route): number {
  return table === RT_TABLE.UNSPEC ? RT_TABLE.MAIN : table;
}

function list(prefixes: readonly Prefix[]): string {
  return prefixes.length === 0 ? "none" : prefixes.map(formatPrefix).join(", ");
}

function describe({ dst, gw, table }: Route): string {
  const via = gw === undefined ? "" : ` via ${formatAddress(gw)}`;
  return `${formatPrefix(dst)}${via}${table === undefined ? "" : ` in table ${table}`}`;
}
