import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { dnsmasqLeases, lanCommands, lanDnsmasq } from "../dhcp-lan.ts";
import { PLACES } from "../fuzz/scenario.ts";
import { OF_THE_WORLD } from "../fuzz/world.ts";
import { sleep } from "../lab.ts";
import { ip } from "./ip.ts";

/** The namespace of the server. */
const NAMESPACE = "server";

/** What the server has leased, and what it says. */
const LEASES = "/run/fuzz/dnsmasq.leases";
const LOG = "/run/fuzz/dnsmasq.log";

const RANGE6 = "--dhcp-range=fd00:10:9::10,fd00:10:9::50,64,infinite";

/** Gives a cleared world the bridge "lan0" with a DHCP server behind it, which knows no lease. */
export function startDhcpServer(): void {
  spawnSync("ip", ["netns", "del", NAMESPACE]);
  ip([["netns", "add", NAMESPACE]]);
  const { host, server } = lanCommands(NAMESPACE);
  ip(host);
  ip(server, NAMESPACE);
  ip([["address", "add", "fd00:10:9::1/64", "dev", "eth0", "nodad"]], NAMESPACE);
  // Else each ADD waits a second for its link-local address.
  spawnSync("nsenter", [`--net=${PLACES.netns}`, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"]);
  for (const file of [LEASES, LOG]) fs.rmSync(file, { force: true });
  const inside = ["nsenter", `--net=/run/netns/${NAMESPACE}`, ...lanDnsmasq(LEASES, { time: "infinite" }), RANGE6];
  // The world's first process becomes its parent, and waits for it.
  const env = { ...process.env, ...OF_THE_WORLD, LOG };
  spawnSync("sh", ["-c", '"$@" >"$LOG" 2>&1 &', "sh", ...inside], { env });
  const deadline = performance.now() + 10_000;
  while (!isReady()) {
    if (performance.now() > deadline) throw new Error(`Cannot start ${inside.join(" ")}: see ${LOG}`);
    sleep(5);
  }
}

/** The addresses that the server has leased; none in a world without a server. */
export function leasedByServer(): readonly string[] {
  return dnsmasqLeases(LEASES);
}

function isReady(): boolean {
  return fs.existsSync(LOG) && fs.readFileSync(LOG, "utf8").includes("sockets bound");
}
