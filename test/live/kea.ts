import fs from "node:fs";
import path from "node:path";
import type { DhcpLab } from "./dhcp.ts";

/** A line of Kea's lease file. */
export interface KeaLease {
  readonly address: string;
  /** In seconds; 0 where Kea has deleted the lease, which here only a release makes it do. */
  readonly lifetime: number;
  /** In seconds since 1970. */
  readonly expire: number;
  /** The MAC that it was given to. Of IPv6 leases what Kea found out, if anything. */
  readonly mac: string;
}

/** Starts Kea behind the lab's bridge: it gives 10.9.0.20 to 10.9.0.29, each for so many seconds. */
export async function startKea4(dhcp: DhcpLab, seconds: number): Promise<void> {
  await start(dhcp, 4, {
    ...common(dhcp, 4, seconds),
    "interfaces-config": { interfaces: ["eth0"], "dhcp-socket-type": "raw" },
    subnet4: [{ id: 1, subnet: "10.9.0.0/24", pools: [{ pool: "10.9.0.20 - 10.9.0.29" }], "option-data": OPTIONS }],
  });
}

/** The same for IPv6: it gives fd00::20 to fd00::29. The server's eth0 has to be in fd00::/64. */
export async function startKea6(dhcp: DhcpLab, seconds: number): Promise<void> {
  const tentative = () => dhcp.lab.ip("-6 address show dev eth0 tentative", dhcp.server);
  // Kea goes on without the sockets that it cannot open, and says that it has started.
  await dhcp.until("the server can use its link-local address", () => tentative().length === 0);
  await start(dhcp, 6, {
    ...common(dhcp, 6, seconds),
    "interfaces-config": { interfaces: ["eth0"] },
    "preferred-lifetime": seconds,
    "renew-timer": Math.floor(seconds / 4),
    "rebind-timer": Math.floor(seconds / 2),
    "server-id": { type: "LLT", persist: false },
    subnet6: [{ id: 1, subnet: "fd00::/64", interface: "eth0", pools: [{ pool: "fd00::20 - fd00::29" }] }],
  });
}

/** All that Kea has written, oldest first: it appends each change. */
export function keaLeases(dhcp: DhcpLab): readonly KeaLease[] {
  const [header = [], ...lines] = fs
    .readFileSync(leaseFile(dhcp), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));
  return lines.map((line) => {
    const column = (name: string) => line[header.indexOf(name)] ?? "";
    const [lifetime, expire] = [Number(column("valid_lifetime")), Number(column("expire"))];
    return { address: column("address"), lifetime, expire, mac: column("hwaddr") };
  });
}

/** When Kea's leases of an address end, each once: one more with every renewal that comes a second or more after another. */
export function endsOf(dhcp: DhcpLab, address: string): readonly number[] {
  const active = keaLeases(dhcp).filter((lease) => lease.address === address && lease.lifetime > 0);
  return [...new Set(active.map(({ expire }) => expire))];
}

const OPTIONS = [
  { name: "routers", data: "10.9.0.1" },
  { name: "domain-name-servers", data: "10.9.0.1" },
  { name: "domain-name", data: "example.org" },
];

/** Where Kea 3 wants all files to be, and earlier releases write those that no setting names. */
const FOLDERS = ["KEA_DHCP_DATA_DIR", "KEA_PIDFILE_DIR", "KEA_LOCKFILE_DIR", "KEA_LOG_FILE_DIR"];

async function start(dhcp: DhcpLab, family: 4 | 6, config: object): Promise<void> {
  const { dir } = dhcp.lab;
  const file = path.join(dir, "kea.conf");
  fs.writeFileSync(file, JSON.stringify({ [`Dhcp${family}`]: config }));
  // A copy: AppArmor's profile of the installed one knows no other folder for the files.
  const program = path.join(dir, `kea-dhcp${family}`);
  fs.copyFileSync(`/usr/sbin/kea-dhcp${family}`, program);
  const environment = FOLDERS.map((name) => `${name}=${dir}`);
  await dhcp.start(["env", ...environment, program, "-c", file], `DHCP${family}_STARTED`, dhcp.server);
}

function common(dhcp: DhcpLab, family: 4 | 6, seconds: number): object {
  return {
    "lease-database": { type: "memfile", persist: true, name: leaseFile(dhcp), "lfc-interval": 0 },
    "valid-lifetime": seconds,
    loggers: [{ name: `kea-dhcp${family}`, output_options: [{ output: "stderr" }], severity: "INFO" }],
    // With more than that of a lease left, Kea would give the same end again. It takes no integer.
    "cache-threshold": 0.001,
    // A lease that is over stays as it is, so that one that Kea deletes is one that was released.
    "expired-leases-processing": {
      "reclaim-timer-wait-time": 0,
      "flush-reclaimed-timer-wait-time": 0,
      "hold-reclaimed-time": 0,
    },
  };
}

function leaseFile({ lab }: DhcpLab): string {
  return path.join(lab.dir, "kea.leases");
}
