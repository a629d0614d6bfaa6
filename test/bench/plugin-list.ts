import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { sleep } from "../lab.ts";
import { type Container, Contender, hostPort, type Port } from "./contender.ts";
import type { Job } from "./exec-timer.ts";
import { formatServices } from "./services.ts";

/** A plugin's configuration; its name and version are the list's. */
export type Plugin = Readonly<Record<string, unknown>> & { readonly type: string };

export interface ListEntry {
  readonly name: string;
  /** Folder of the executables. */
  readonly bin: string;
  readonly plugins: readonly Plugin[];
  /** For the plugins with the capability `portMappings`. */
  readonly ports?: readonly Port[];
  /** Leases of nobody's in the network's folder. */
  readonly leases?: number;
  /** Services of a cluster that the host has rules for. */
  readonly services?: number;
  /** Whether its dhcp works by a daemon alone. */
  readonly needsDaemon?: boolean;
}

/** CNI plugins, called with a list's configurations as a runtime does: the result of each is handed on. */
export class PluginList extends Contender {
  readonly #bin: string;
  readonly #plugins: readonly Plugin[];
  readonly #ports: readonly Port[];
  readonly #results = new Map<string, unknown>();

  constructor({ name, bin, plugins, ports = [], leases = 0, services = 0, needsDaemon = false }: ListEntry) {
    super(name);
    this.#bin = bin;
    this.#plugins = plugins.map((plugin) => ({ ...plugin, ...this.#complete(plugin) }));
    this.#ports = ports;
    if (leases > 0) this.#fill(leases);
    if (services > 0) this.#addServices(services);
    if (plugins.some(({ ipam }) => Object(ipam).type === "dhcp")) this.#serve(needsDaemon);
    for (const { master, device } of plugins)
      for (const link of [master, device])
        if (typeof link === "string") this.lab.run(["ip", "link", "add", link, "up", "type", "ifb"]);
  }

  override dispose(): void {
    for (const pid of this.#servers()) process.kill(pid, "SIGKILL");
    super.dispose();
  }

  /** The command line and the input of the first plugin's call, for a tracer. */
  describe(command: string): Job & { netns: string } {
    const [job] = this.jobs(command, this.container("c1"));
    if (job === undefined) throw new Error("No plugin to describe");
    return { ...job, netns: this.lab.host };
  }

  protected override jobs(command: string, container: Container): readonly Job[] {
    const plugins = command === "DEL" ? this.#plugins.toReversed() : this.#plugins;
    const known = command === "ADD" || command === "VERSION" ? undefined : this.#results.get(container.id);
    return plugins.map((plugin, i) => ({
      argv: [path.join(this.#bin, plugin.type)],
      input: JSON.stringify({
        ...plugin,
        ...this.#runtimeConfig(plugin, container),
        ...(known !== undefined && { prevResult: known }),
      }),
      takesResult: command === "ADD" && i > 0,
      env: {
        PATH: process.env["PATH"] ?? "",
        CNI_COMMAND: command,
        CNI_CONTAINERID: container.id,
        CNI_NETNS: container.netns,
        CNI_IFNAME: "eth0",
        CNI_PATH: this.#bin,
      },
    }));
  }

  protected override note(command: string, { id }: Container, stdout: string): void {
    if (command === "ADD") this.#results.set(id, JSON.parse(stdout));
    if (command === "DEL") this.#results.delete(id);
  }

  #runtimeConfig({ capabilities }: Plugin, container: Container): Record<string, unknown> {
    if (this.#ports.length === 0 || Object(capabilities).portMappings !== true) return {};
    const portMappings = this.#ports.map((port, i) => ({ ...port, hostPort: hostPort(container, i) }));
    return { runtimeConfig: { portMappings } };
  }

  #complete({ type, ipam }: Plugin): Record<string, unknown> {
    const network = { cniVersion: "1.1.0", name: "bench" };
    if (Object(ipam).type === "dhcp") return { ...network, ipam: { ...Object(ipam), daemonSocketPath: this.#socket } };
    // All contenders have the same container and the same file system.
    if (type === "host-device") return { ...network, dataDir: path.join(this.lab.dir, "devices") };
    if (Object(ipam).type !== "host-local") return network;
    return { ...network, ipam: { ...Object(ipam), dataDir: this.lab.dataDir } };
  }

  /** Starts a DHCP server on the bridge, and the daemon of plugins that have one. */
  #serve(needsDaemon: boolean): void {
    this.lab.run(["ip", "link", "add", "bench0", "up", "type", "bridge"]);
    this.lab.run(["ip", "address", "add", "10.1.0.1/16", "dev", "bench0"]);
    const files = [`--pid-file=${this.#pidFile("dnsmasq")}`, "--leasefile-ro", "--conf-file=/dev/null"];
    const range = ["--dhcp-range=10.1.0.2,10.1.0.200,1h", "--dhcp-authoritative", "--no-ping"];
    this.lab.run(["dnsmasq", "--port=0", "--interface=bench0", "--bind-interfaces", ...files, ...range]);
    if (!needsDaemon) return;
    const argv = [
      path.join(this.#bin, "dhcp"),
      "daemon",
      "-socketpath",
      this.#socket,
      "-pidfile",
      this.#pidFile("daemon"),
    ];
    spawn("nsenter", [`--net=${this.lab.host}`, "--", ...argv], { stdio: "ignore" });
    for (const end = Date.now() + 10_000; !fs.existsSync(this.#socket); sleep(10))
      if (Date.now() > end) throw new Error(`${argv.join(" ")} does not listen`);
  }

  get #socket(): string {
    return path.join(this.lab.dir, "dhcp.sock");
  }

  #pidFile(name: string): string {
    return path.join(this.lab.dir, `${name}.pid`);
  }

  #servers(): readonly number[] {
    const files = ["dnsmasq", "daemon"].map((name) => this.#pidFile(name)).filter((file) => fs.existsSync(file));
    return files.map((file) => Number(fs.readFileSync(file, "utf8")));
  }

  #addServices(count: number): void {
    const file = path.join(this.lab.dir, "services");
    fs.writeFileSync(file, formatServices(count));
    this.lab.run(["iptables-nft-restore", "--noflush", file]);
  }

  /** Leases as another runtime's containers would have left them, from the far end of the range. */
  #fill(count: number): void {
    const folder = path.join(this.lab.dataDir, "bench");
    fs.mkdirSync(folder, { recursive: true });
    for (let i = 0; i < count; i++) {
      const address = `10.1.${100 + (i >> 8)}.${i & 255}`;
      fs.writeFileSync(path.join(folder, address), `other${i}\r\neth0`, { mode: 0o600 });
    }
  }
}
