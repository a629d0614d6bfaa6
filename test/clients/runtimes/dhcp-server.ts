import fs from "node:fs";
import path from "node:path";
import { DNSMASQ } from "../../dnsmasq.ts";
import type { Sandbox } from "./sandbox.ts";

/** A lease as the server has it: to which MAC, which address, under which name. */
export interface ServedLease {
  readonly mac: string;
  readonly address: string;
  readonly name: string;
}

/** Addresses that it gives on the node's wire to the outside. */
export const UPLINK_RANGE = { eth0: "192.0.2.50,192.0.2.69" };

/** dnsmasq in the sandbox's namespace `outside`, which is the gateway. */
export class DhcpServer {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Starts it with a range for each of that namespace's links; when this resolves, it answers. */
  static async start(node: Sandbox, ranges: Readonly<Record<string, string>>): Promise<DhcpServer> {
    const server = new DhcpServer(path.join(node.dir, "dnsmasq.leases"));
    const places = Object.entries(ranges).flatMap(([link, range]) => [
      `--interface=${link}`,
      `--dhcp-range=${range},255.255.255.0,120`,
    ]);
    const options = [...places, "--bind-interfaces", `--dhcp-leasefile=${server.#file}`];
    await node.startUntil("DHCP, IP range", [...DNSMASQ, ...options], { netns: "outside" });
    return server;
  }

  /** The addresses that it has given and not got back. */
  leases(): ServedLease[] {
    if (!fs.existsSync(this.#file)) return [];
    const lines = fs.readFileSync(this.#file, "utf8").split("\n");
    return lines.flatMap((line) => {
      const [, mac, address, name] = line.split(" ");
      return mac === undefined || address === undefined || name === undefined ? [] : [{ mac, address, name }];
    });
  }
}
