import type { IpConfig, Result, Route } from "../cni/result.ts";
import { ADDRESS_BITS, formatAddress, isSameAddress } from "../ip/address.ts";
import { formatPrefix, isSamePrefix, network, type Prefix } from "../ip/prefix.ts";
import { listAddresses } from "../netlink/address/list.ts";
import type { Link, LinkId } from "../netlink/link/message.ts";
import { RT_TABLE } from "../netlink/route/header.ts";
import { listRoutes } from "../netlink/route/list.ts";
import type { KernelRoute } from "../netlink/route/message.ts";
import type { Netlink } from "../netlink/socket.ts";

/**
 * What is missing of the addresses and routes that a result gives an interface, as sentences. Addresses of other
 * interfaces in the result are not looked at; more than the result says may be there.
 */
export function checkAddresses(netlink: Netlink, link: Link, result: Result): string[] {
  const prefixes = addressesOf(result, link.name).map(({ address }) => address);
  const families = new Set([...prefixes, ...result.routes.map(({ dst }) => dst)].map(({ address }) => address.family));
  const tables = new Set([RT_TABLE.MAIN, ...result.routes.map(tableOf)]);
  const routes = [...families].flatMap((family) =>
    [...tables].flatMap((table) => listRoutes(netlink, { family, table })),
  );
  const isReachable = (wanted: Route) => routes.some((route) => matches(route, wanted));
  return [
    ...missingAddresses(netlink, link, { what: `Interface "${link.name}"`, prefixes }),
    ...prefixes
      .filter((prefix) => prefix.length < ADDRESS_BITS[prefix.address.family] && !isReachable({ dst: network(prefix) }))
      .map((prefix) => `Interface "${link.name}" has no route to its network ${formatPrefix(network(prefix))}`),
    ...result.routes.filter((route) => !isReachable(route)).map((route) => `Route ${describe(route)} is missing`),
  ];
}

/** The addresses that a result gives an interface. */
export function addressesOf({ ips, interfaces }: Result, ifname: string): readonly IpConfig[] {
  return ips.filter((ip) => ip.interface === undefined || interfaces[ip.interface]?.name === ifname);
}

/** Those of the addresses that a link does not have, as sentences about `what`. It may have others. */
export function missingAddresses(
  netlink: Netlink,
  link: LinkId,
  { what, prefixes }: { what: string; prefixes: readonly Prefix[] },
): string[] {
  if (prefixes.length === 0) return [];
  const present = listAddresses(netlink, link).map(({ prefix }) => prefix);
  return prefixes
    .filter((prefix) => !present.some((other) => isSamePrefix(other, prefix)))
    .map((prefix) => `${what} has no address ${formatPrefix(prefix)}, found ${list(present)}`);
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
