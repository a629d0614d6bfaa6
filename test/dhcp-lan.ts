import fs from "node:fs";
import { DNSMASQ } from "./dnsmasq.ts";

/** Arguments of `ip`, for each of both sides. */
interface LanCommands {
  readonly host: readonly (readonly string[])[];
  readonly server: readonly (readonly string[])[];
}

/**
 * What gives a host a bridge "lan0", behind which the namespace of that name has 10.9.0.1/24 on its eth0. The host's come first. The MACs
 * of the host's links are always the same.
 */
export function lanCommands(server: string): LanCommands {
  const words = (command: string) => command.split(" ");
  return {
    host: [
      "link add lan0 address 02:00:00:00:09:01 type bridge",
      "link set lan0 up",
      `link add up0 address 02:00:00:00:09:02 master lan0 type veth peer name eth0 netns ${server}`,
      "link set up0 up",
    ].map(words),
    server: ["address add 10.9.0.1/24 dev eth0", "link set eth0 up"].map(words),
  };
}

/** A dnsmasq for such a namespace. It gives 10.9.0.5 to 10.9.0.`last`, for so long as `time` says, and says "sockets bound" when it is ready. */
export function lanDnsmasq(leaseFile: string, { last = 50, time = "120" } = {}): readonly string[] {
  const range = `--dhcp-range=10.9.0.5,10.9.0.${last},${time}`;
  return [...DNSMASQ, "--interface=eth0", "--bind-interfaces", `--dhcp-leasefile=${leaseFile}`, range];
}

/** The addresses that a dnsmasq has given. */
export function dnsmasqLeases(leaseFile: string): readonly string[] {
  if (!fs.existsSync(leaseFile)) return [];
  const lines = fs.readFileSync(leaseFile, "utf8").trim().split("\n");
  return lines.flatMap((line) => line.split(" ")[2] ?? []).sort();
}
