import type { Request } from "../../src/cni/request.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { readBoot } from "../../src/linux/boot-id.ts";
import { DEFAULT_SOCKET, readSocket } from "./config.ts";
import { leaseFolder, listLeases } from "./lease-file.ts";
import type { LeaseRecord } from "./lease-record.ts";

// What cnictl shows of DHCP leases. It takes no lock and asks no server.

/** The daemon's socket and the folder of leases, if the configuration names no socket. */
export const DEFAULT_DHCP_SOCKET = DEFAULT_SOCKET;
export const DHCP_LEASES_DIRECTORY = leaseFolder(DEFAULT_SOCKET);

/** A lease as its file tells it. */
export interface DhcpLease {
  readonly network: string;
  readonly containerId: string;
  readonly ifname: string;
  /** The path of the network namespace at ADD. */
  readonly netns: string;
  readonly address: string;
  /** The server's address; of an IPv6 lease its DUID, in hexadecimal. */
  readonly server: string;
  /** When the lease is over, in ms since 1970; undefined if it has no end, or is of an earlier boot, whose clock nobody knows. */
  readonly until: number | undefined;
  readonly boot: "this" | "earlier";
  readonly file: string;
}

/** The socket of a configuration; the default if ADD refuses that, and so has no lease there. The rest may be invalid. */
export function readDhcpSocket(config: Request["config"]): string {
  return readSocket({ config, command: "DEL" });
}

/** The folder of a configuration's leases. */
export function readDhcpFolder(config: Request["config"]): string {
  return leaseFolder(readDhcpSocket(config));
}

/** The leases of a folder, by the names of their files. `log` gets what cannot be read of it. @throws the errors of node:fs */
export function reportDhcpLeases(folder: string, log: (line: string) => void): readonly DhcpLease[] {
  const clock = { boot: readBoot(), started: Date.now() - readBootClock() };
  const leases = listLeases(folder, log).map(({ path, record }) => describe(record, { ...clock, file: path }));
  return leases.sort((a, b) => (a.file < b.file ? -1 : 1));
}

function describe(
  record: LeaseRecord,
  { boot, started, file }: { boot: string; started: number; file: string },
): DhcpLease {
  const { network, containerId, ifname, netns, lease } = record;
  const isOfThisBoot = record.boot === boot;
  const hasEnd = isOfThisBoot && lease.expireAt !== Infinity;
  return {
    ...{ network, containerId, ifname, netns, file },
    address: formatAddress(lease.address),
    server: record.family === 4 ? formatAddress(record.lease.server) : record.lease.server.toHex(),
    until: hasEnd ? started + lease.expireAt : undefined,
    boot: isOfThisBoot ? "this" : "earlier",
  };
}
