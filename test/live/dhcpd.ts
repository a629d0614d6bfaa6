import fs from "node:fs";
import path from "node:path";
import type { DhcpLab } from "./dhcp.ts";

/** What dhcpd's file says of a lease. Its times are text, "4 2026/11/26 23:45:00". */
export interface DhcpdLease {
  readonly address: string;
  readonly state: string | undefined;
  readonly ends: string | undefined;
  /** The MAC that it was given to. */
  readonly mac: string | undefined;
}

/** Starts ISC's dhcpd behind the lab's bridge: it gives 10.9.0.20 to 10.9.0.29, each for so many seconds. */
export async function startDhcpd(dhcp: DhcpLab, seconds: number): Promise<void> {
  await start(dhcp, "-4", configOf(seconds));
}

/** The same for IPv6: it gives fd00::20 to fd00::29. The server's eth0 has to be in fd00::/64. */
export async function startDhcpd6(dhcp: DhcpLab, seconds: number): Promise<void> {
  await start(dhcp, "-6", configOf6(seconds));
}

async function start(dhcp: DhcpLab, family: "-4" | "-6", config: string): Promise<void> {
  const { dir } = dhcp.lab;
  fs.writeFileSync(path.join(dir, "dhcpd.conf"), config);
  fs.writeFileSync(leaseFile(dhcp), "");
  // A copy: AppArmor's profile of the installed one knows no other folder for the files.
  const program = path.join(dir, "dhcpd");
  fs.copyFileSync("/usr/sbin/dhcpd", program);
  const files = ["-cf", path.join(dir, "dhcpd.conf"), "-lf", leaseFile(dhcp), "--no-pid"];
  await dhcp.start([program, family, "-f", "-d", ...files, "eth0"], "Server starting service", dhcp.server);
}

/** All that dhcpd has written, oldest first: it appends each change. */
export function dhcpdLeases(dhcp: DhcpLab): readonly DhcpdLease[] {
  const text = fs.readFileSync(leaseFile(dhcp), "utf8");
  return [...text.matchAll(/^lease (\S+) \{\n(.*?)^\}/gms)].map(([, address = "", body = ""]) => ({
    address,
    state: /^ {2}binding state (\w+);/m.exec(body)?.[1],
    ends: /^ {2}ends (.*);/m.exec(body)?.[1],
    mac: /^ {2}hardware ethernet (.*);/m.exec(body)?.[1],
  }));
}

/** The same of IPv6 leases, which are parts of associations. */
export function dhcpd6Leases(dhcp: DhcpLab): readonly Omit<DhcpdLease, "mac">[] {
  const text = fs.readFileSync(leaseFile(dhcp), "utf8");
  return [...text.matchAll(/^ {2}iaaddr (\S+) \{\n(.*?)^ {2}\}/gms)].map(([, address = "", body = ""]) => ({
    address,
    state: /^ {4}binding state (\w+);/m.exec(body)?.[1],
    ends: /^ {4}ends (.*);/m.exec(body)?.[1],
  }));
}

function leaseFile({ lab }: DhcpLab): string {
  return path.join(lab.dir, "dhcpd.leases");
}

function configOf(seconds: number): string {
  // Without the threshold dhcpd would give the same end again to whoever asks early.
  return `
authoritative;
dhcp-cache-threshold 0;
ping-check false;
min-lease-time ${seconds};
default-lease-time ${seconds};
max-lease-time ${seconds};
subnet 10.9.0.0 netmask 255.255.255.0 {
  range 10.9.0.20 10.9.0.29;
  option routers 10.9.0.1;
  option domain-name-servers 10.9.0.1;
  option domain-name "example.org";
}
`;
}

function configOf6(seconds: number): string {
  return `
authoritative;
dhcp-cache-threshold 0;
default-lease-time ${seconds};
preferred-lifetime ${seconds};
option dhcp-renewal-time ${Math.floor(seconds / 4)};
option dhcp-rebinding-time ${Math.floor(seconds / 2)};
subnet6 fd00::/64 {
  range6 fd00::20 fd00::29;
}
`;
}
