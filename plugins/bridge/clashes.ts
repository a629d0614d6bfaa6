import { parseConfig } from "../../src/cni/config.ts";
import type { Request } from "../../src/cni/request.ts";
import { type Address, formatAddress, isSameAddress, parseAddress } from "../../src/ip/address.ts";
import {
  defaultGateway,
  excludesGateway,
  formatPrefix,
  isSamePrefix,
  isSingle,
  lastAddress,
  networkAddress,
  type Prefix,
  parsePrefix,
} from "../../src/ip/prefix.ts";
import { listAddresses } from "../../src/netlink/address/list.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { listPorts } from "../../src/netlink/link/list.ts";
import type { LinkId } from "../../src/netlink/link/message.ts";
import { RTN } from "../../src/netlink/route/header.ts";
import { findRoute } from "../../src/netlink/route/list.ts";
import { type KernelRoute, linkOf } from "../../src/netlink/route/message.ts";
import type { Host } from "../../src/steps/host.ts";
import { refusalOf } from "../../src/steps/problems.ts";
import type { BridgeConfig } from "./config.ts";
import { refuseConflict } from "./gateway-address.ts";
import { pools } from "./schema.ts";

/** The IPAM plugin whose keys tell before an ADD which gateways there will be. */
const IPAM = "host-local";

/** A subnet that the IPAM plugin assigns addresses from, and the gateway that it reports. */
interface Pool {
  readonly subnet: Prefix;
  readonly gateway: Address;
}

/**
 * What on the host makes the containers of a network unreachable though each ADD succeeds, and a foreign address on the bridge, because of
 * which each ADD fails; as sentences. Costs two requests for each subnet, and one for each family of the bridge's addresses.
 */
export function findClashes(
  request: Request,
  host: Host,
  { config, bridge }: { config: BridgeConfig; bridge: LinkId | undefined },
): readonly string[] {
  const found = config.ipam === IPAM ? readPools(request) : [];
  const outside = found.flatMap(describeOutside);
  if (!config.isGateway || found.length === 0) return outside;
  const own = config.vlanGateway === undefined ? bridge : findLink(host.netlink, config.vlanGateway);
  return [
    ...outside,
    ...(own === undefined || config.forceAddress ? [] : findConflicts(host, own, found)),
    ...found.flatMap((pool) => describeRival(host, pool, own?.index)),
  ];
}

/** The pools of the configuration. Values that the IPAM plugin refuses are left out: its own STATUS reports them. */
function readPools(request: Request): readonly Pool[] {
  const { ipam } = parseConfig(pools, request.config);
  const ranges = ipam === undefined ? [] : [ipam, ...ipam.ranges.flat()];
  return ranges.flatMap((range) => {
    const subnet = parsePrefix(range.subnet);
    const gateway = range.gateway === "" ? subnet && defaultGateway(subnet) : parseAddress(range.gateway);
    return subnet === undefined || gateway === undefined ? [] : [{ subnet, gateway }];
  });
}

function describeOutside({ subnet, gateway }: Pool): readonly string[] {
  if (!excludesGateway(subnet, gateway)) return [];
  return [
    `Gateway ${formatAddress(gateway)} is outside the subnet ${formatPrefix(subnet)}, so containers cannot reach it: correct "gateway"`,
  ];
}

function findConflicts(host: Host, link: LinkId, found: readonly Pool[]): readonly string[] {
  const addresses = found.map(({ subnet, gateway }) => ({ address: gateway, length: subnet.length }));
  const gateway = { link, listOthers: () => listPorts(host.netlink, link) };
  const families = [...new Set(addresses.map(({ address }) => address.family))];
  return families.flatMap((family) => {
    const present = listAddresses(host.netlink, link, family).map(({ prefix }) => prefix);
    const missing = addresses.filter(
      (each) => each.address.family === family && !present.some((prefix) => isSamePrefix(prefix, each)),
    );
    return missing.flatMap((address) => refusalOf(() => refuseConflict(gateway, { present, address, addresses })));
  });
}

/** Another link that has the gateway's address, or that the host uses to reach the whole subnet. */
function describeRival(host: Host, { subnet, gateway }: Pool, own: number | undefined): readonly string[] {
  const holder = findRoute(host.netlink, gateway, { whole: true });
  if (holder?.type === RTN.LOCAL && isOther(holder, own)) {
    const link = linkName(host, holder);
    return [`Link ${link} has the gateway's address ${formatAddress(gateway)}: delete it there, or change "gateway"`];
  }
  const route = findRoute(host.netlink, containerAddress({ subnet, gateway }), { whole: true });
  if (route?.type !== RTN.UNICAST || !isOther(route, own) || !takesWhole(route, subnet)) return [];
  const [taken, link] = [formatPrefix(route.destination), linkName(host, route)];
  return [
    `The host reaches ${taken} through link ${link}, so it does not reach containers in ${formatPrefix(subnet)}: give the network another subnet`,
  ];
}

/** Whether a route has the destination of the subnet, or of a part of it that is more than one address. */
function takesWhole({ destination }: KernelRoute, subnet: Prefix): boolean {
  return destination.length >= subnet.length && (!isSingle(destination) || isSingle(subnet));
}

/** An address of the subnet that a container may get: the last one that is neither the gateway nor the broadcast address. */
function containerAddress({ subnet, gateway }: Pool): Address {
  const [first, last] = [networkAddress(subnet), lastAddress(subnet)];
  const candidates = [1n, 2n, 0n].map((by) => ({ ...last, value: last.value - by }));
  return candidates.find((each) => each.value >= first.value && !isSameAddress(each, gateway)) ?? last;
}

function isOther(route: KernelRoute, own: number | undefined): boolean {
  const index = linkOf(route);
  return index !== undefined && index !== own;
}

function linkName(host: Host, route: KernelRoute): string {
  const index = linkOf(route) ?? 0;
  return JSON.stringify(findLink(host.netlink, index)?.name ?? index);
}
