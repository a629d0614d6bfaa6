import type { Request } from "../../src/cni/request.ts";
import { type Address, type Family, isSameAddress } from "../../src/ip/address.ts";
import { IPPROTO } from "../../src/netfilter/nftables/match.ts";
import { deleteConnection } from "../../src/netlink/conntrack/delete.ts";
import { listConnections } from "../../src/netlink/conntrack/list.ts";
import type { Connection } from "../../src/netlink/conntrack/message.ts";
import { RTN } from "../../src/netlink/route/header.ts";
import { findRoute } from "../../src/netlink/route/list.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import type { Host } from "../../src/steps/host.ts";
import { logging } from "../../src/steps/logging.ts";
import type { Redirect } from "./redirect.ts";

/** For more ports than this, one list of all connections is used. Each list is a walk through the kernel's table. */
const FEW_PORTS = 4;

/**
 * Deletes UDP connection tracking entries for newly mapped ports that still lead elsewhere. Otherwise a client that sends all the time
 * would never reach the container. Entries to other hosts' ports with that number stay.
 * @throws NetlinkError, LinuxError
 */
export function forgetBefore(host: Host, redirects: readonly Redirect[]): void {
  if (!redirects.some(isUdp) || !tracksConnections(host)) return;
  const isLocal = remember((address) => isHostAddress(host, address));
  forget(host.openNetfilter(), redirects, ({ original, reply }, { hostIp, to }) => {
    if (isSameAddress(reply.source, to)) return false;
    return hostIp === undefined ? isLocal(original.destination) : isSameAddress(original.destination, hostIp);
  });
}

/**
 * Deletes UDP connection tracking entries that lead to the container by deleted mappings, so that the port's next owner gets the packets.
 * @param open a socket of NETLINK_NETFILTER, if one is open
 * @throws NetlinkError
 */
export function forgetAfter(host: Host, find: () => readonly Redirect[], open: Nfnetlink | undefined): void {
  if (!tracksConnections(host)) return;
  const redirects = find();
  if (!redirects.some(isUdp)) return;
  const netlink = open ?? host.openNetfilter();
  forget(netlink, redirects, ({ reply }, { to, toPort }) => {
    return reply.sourcePort === toPort && isSameAddress(reply.source, to);
  });
}

/** Runs one of these, and logs its error: a kernel without connection listing can still map ports. */
export function orLog({ log }: Pick<Request, "log">, run: () => void): void {
  logging([Error], { log, what: "Cannot delete tracked UDP connections to mapped ports" }, run);
}

/**
 * Whether the kernel tracks any connection in this namespace. Listing connections, with any filter, walks the table of all namespaces: 10
 * ms. True if this cannot be determined.
 */
function tracksConnections({ sysctls }: Host): boolean {
  return ignoring([LinuxError], () => sysctls.read("net/netfilter/nf_conntrack_count")) !== "0";
}

function forget(
  netlink: Nfnetlink,
  redirects: readonly Redirect[],
  isStale: (connection: Connection, redirect: Redirect) => boolean,
): void {
  const udp = redirects.filter(isUdp);
  for (const family of [4, 6] as const) {
    const own = udp.filter(({ to }) => to.family === family);
    for (const connection of list(netlink, family, [...new Set(own.map(({ hostPort }) => hostPort))])) {
      const isOn = ({ hostPort }: Redirect) => hostPort === connection.original.destinationPort;
      if (own.some((redirect) => isOn(redirect) && isStale(connection, redirect))) deleteIfThere(netlink, connection);
    }
  }
}

function isUdp({ protocol }: Redirect): boolean {
  return protocol === "udp";
}

function list(netlink: Nfnetlink, family: Family, ports: readonly number[]): readonly Connection[] {
  const filter = { family, protocol: IPPROTO.UDP };
  if (ports.length === 0) return [];
  if (ports.length > FEW_PORTS) return listConnections(netlink, filter);
  return ports.flatMap((destinationPort) => listConnections(netlink, { ...filter, destinationPort }));
}

function deleteIfThere(netlink: Nfnetlink, connection: Connection): void {
  ignoring([ERRNO.ENOENT], () => deleteConnection(netlink, connection));
}

function isHostAddress(host: Host, address: Address): boolean {
  return findRoute(host.netlink, address)?.type === RTN.LOCAL;
}

function remember(ask: (address: Address) => boolean): (address: Address) => boolean {
  const answers = new Map<bigint, boolean>();
  return (address) => {
    const answer = answers.get(address.value) ?? ask(address);
    answers.set(address.value, answer);
    return answer;
  };
}
