import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { dnsmasqLeases, lanCommands, lanDnsmasq } from "../dhcp-lan.ts";
import { Lab, sleep } from "../lab.ts";

/** What a server does, until it is told otherwise. */
export interface Mode {
  readonly silent?: boolean;
  /** Answers no REQUEST. */
  readonly ignore?: boolean;
  /** The messages that it refuses. */
  readonly nak?: readonly ("DISCOVER" | "REQUEST")[];
  readonly yours?: string;
  /** Gives each client an address from 10.9.0.10 on, and another one to a client that is late. */
  readonly pool?: boolean;
  readonly seconds?: number;
  readonly mask?: boolean;
  /** By number, in hexadecimal. */
  readonly options?: Readonly<Record<number, string>>;
}

/** A message that a server has received. */
export interface Received {
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly client: string;
  readonly broadcast: boolean;
  readonly options: Readonly<Record<number, string>>;
}

const SERVER = path.join(import.meta.dirname, "dhcp-server.py");

/** A lab whose host has a bridge "lan0", with a server behind it at 10.9.0.1/24. */
export class DhcpLab {
  readonly lab = new Lab();
  readonly server = this.lab.addNamespace("server");
  readonly socket = path.join(this.lab.dir, "dhcp.sock");
  readonly folder = path.join(this.lab.dir, "dhcp");
  readonly #log = path.join(this.lab.dir, "received");
  readonly #modeFile = path.join(this.lab.dir, "mode");
  readonly #leaseFile = path.join(this.lab.dir, "pool");
  readonly #dnsmasqLeases = path.join(this.lab.dir, "dnsmasq.leases");
  readonly #children: ChildProcess[] = [];
  #dnsmasq = 0;

  constructor() {
    const commands = lanCommands(path.basename(this.server));
    for (const args of commands.host) this.lab.run(["ip", ...args]);
    for (const args of commands.server) this.lab.run(["ip", ...args], this.server);
    fs.writeFileSync(this.#log, "");
  }

  /** Starts a server whose answers setMode() switches. */
  async startServer(mode: Mode = {}): Promise<void> {
    this.setMode(mode);
    const files = [this.#modeFile, this.#log, this.#leaseFile];
    await this.start(["python3", SERVER, "eth0", "10.9.0.1/24", ...files], "ready", this.server);
  }

  /** What a server with a pool has given: when each address is over, in seconds since 1970. */
  poolLeases(): Readonly<Record<string, number>> {
    return fs.existsSync(this.#leaseFile) ? JSON.parse(fs.readFileSync(this.#leaseFile, "utf8")) : {};
  }

  /** Starts dnsmasq, which gives 10.9.0.5 to 10.9.0.`last`. */
  async startDnsmasq({ last = 50, options = [] }: { last?: number; options?: readonly string[] } = {}): Promise<void> {
    const argv = [...lanDnsmasq(this.#dnsmasqLeases, { last }), ...options];
    const { pid } = await this.start(argv, "sockets bound", this.server);
    this.#dnsmasq = pid;
  }

  /** Ends dnsmasq, which then knows no lease any more. */
  async stopDnsmasq(): Promise<void> {
    await this.stop(this.#dnsmasq);
    fs.rmSync(this.#dnsmasqLeases);
  }

  /** The addresses that dnsmasq has given. */
  dnsmasqLeases(): readonly string[] {
    return dnsmasqLeases(this.#dnsmasqLeases);
  }

  setMode(mode: Mode): void {
    const draft = `${this.#modeFile}.new`;
    fs.writeFileSync(draft, JSON.stringify({ yours: "10.9.0.7", seconds: 600, ...mode }));
    fs.renameSync(draft, this.#modeFile);
  }

  /** What the server has received, oldest first. */
  received(): readonly Received[] {
    const lines = fs.readFileSync(this.#log, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  /** Waits until `look` finds something. */
  async until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    for (const deadline = performance.now() + 60_000; performance.now() < deadline; ) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`Waited in vain until ${what}`);
  }

  /** Starts a program that says when it is ready. Its output is kept. */
  async start(
    argv: readonly string[],
    ready: string,
    netns = this.lab.host,
  ): Promise<{ pid: number; output: () => string }> {
    const child = spawn("nsenter", [`--net=${netns}`, "--", ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    this.#children.push(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    const said = this.until(`${argv.join(" ")} says "${ready}"`, () => output.includes(ready));
    await said.catch((error: Error) => {
      throw new Error(`${error.message}, but: ${output}`);
    });
    return { pid: child.pid ?? 0, output: () => output };
  }

  /** Ends a program that start() has started. */
  async stop(pid: number, signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    const child = this.#children.find((each) => each.pid === pid);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    child.kill(signal);
    const [code] = await once(child, "exit");
    return code;
  }

  /** A network on the bridge. */
  network(ipam: object = {}, name = "lan"): object {
    const own = { type: "dhcp", daemonSocketPath: this.socket, timeout: 20, ...ipam };
    return { cniVersion: "1.1.0", name, type: "bridge", bridge: "lan0", ipam: own };
  }

  files(): readonly string[] {
    return fs.existsSync(this.folder) ? fs.readdirSync(this.folder).sort() : [];
  }

  /** The IPv4 addresses of eth0 in a container, as `ip` has them. */
  addresses(netns: string): readonly { local: string; valid_life_time: number }[] {
    const [link] = this.lab.ip("-4 address show dev eth0", netns) as { addr_info?: [] }[];
    return link?.addr_info ?? [];
  }

  async dispose(): Promise<void> {
    for (const child of this.#children) await this.stop(child.pid ?? 0);
    sleep(10);
    this.lab.dispose();
  }
}
