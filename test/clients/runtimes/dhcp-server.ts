import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sandbox } from "./sandbox.ts";

/** A lease as the server has it: to which MAC, which address, under which name. */
export interface ServedLease {
  readonly mac: string;
  readonly address: string;
  readonly name: string;
}

/** dnsmasq in the sandbox's namespace `outside`, which is the gateway. It gives 192.0.2.50 to 192.0.2.69. */
export class DhcpServer {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Starts it; when this resolves, it answers. */
  static async start(node: Sandbox): Promise<DhcpServer> {
    const server = new DhcpServer(path.join(node.dir, "dnsmasq.leases"));
    const log = path.join(node.dir, "dnsmasq.log");
    const own = ["--no-daemon", "--conf-file=/dev/null", "--user=root", "--port=0", "--no-ping", "--dhcp-authoritative"];
    const place = ["--interface=eth0", "--bind-interfaces", `--dhcp-leasefile=${server.#file}`];
    const range = "--dhcp-range=192.0.2.50,192.0.2.69,255.255.255.0,120";
    node.start(["dnsmasq", ...own, ...place, range], log, { netns: "outside" });
    while (!(fs.existsSync(log) && fs.readFileSync(log, "utf8").includes("sockets bound"))) await sleep(10);
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
