import fs from "node:fs";
import path from "node:path";
import { Lab } from "../lab.ts";
import { type Timing, timeCalls } from "./exec-timer.ts";

/** A plugin's configuration; its name and version are the list's. */
type Plugin = Readonly<Record<string, unknown>> & { readonly type: string };

export interface Entry {
  readonly name: string;
  readonly bin: string;
  readonly plugins: readonly Plugin[];
  /** Attachments that are there while it is measured. */
  readonly attached?: number;
  /** Leases of nobody's in the network's folder. */
  readonly leases?: number;
}

/** What one call cost, or several at once: of a list's plugins together. */
export interface Cost {
  /** From the first start to the last end, milliseconds; without the caller's own work between the plugins of a list. */
  readonly ms: number;
  /** Of the slowest of several at once, milliseconds. */
  readonly slowest: number;
  readonly cpu: number;
  /** Of the largest process, megabytes. */
  readonly memory: number;
}

/** One of those that are measured, in a lab of its own. */
export class Contender {
  readonly name: string;
  readonly bin: string;
  readonly #lab = new Lab();
  readonly #plugins: readonly Plugin[];
  readonly #namespaces = new Map<string, string>();
  readonly #results = new Map<string, unknown>();

  constructor({ name, bin, plugins, attached = 0, leases = 0 }: Entry) {
    this.name = name;
    this.bin = bin;
    this.#plugins = plugins.map((plugin) => ({ ...plugin, ...this.#complete(plugin) }));
    if (leases > 0) this.#fill(leases);
    for (let i = 0; i < attached; i++) this.run("ADD", [`other${i}`]);
  }

  /**
   * Runs the list's plugins for each of the containers, as a runtime does: one after the other, the result handed on, all
   * containers at once. @throws Error when a call fails
   */
  run(command: string, containers: readonly string[] = ["c1"]): Cost {
    const plugins = command === "DEL" ? this.#plugins.toReversed() : this.#plugins;
    const costs = plugins.map((plugin) => this.#step(command, plugin, containers));
    return {
      ms: sum(costs.map(({ ms }) => ms)),
      slowest: sum(costs.map(({ slowest }) => slowest)),
      cpu: sum(costs.map(({ cpu }) => cpu)),
      memory: Math.max(...costs.map(({ memory }) => memory)),
    };
  }

  /** The command line and the input of one call, for a tracer. */
  describe(
    command: string,
    container = "c1",
  ): { file: string; input: string; env: Record<string, string>; netns: string } {
    const [plugin] = this.#plugins;
    if (plugin === undefined) throw new Error("No plugin to describe");
    return { file: path.join(this.bin, plugin.type), netns: this.#lab.host, ...this.#job(command, plugin, container) };
  }

  dispose(): void {
    this.#lab.dispose();
  }

  #step(command: string, plugin: Plugin, containers: readonly string[]): Cost {
    if (command === "ADD" && plugin === this.#plugins[0]) for (const each of containers) this.#results.delete(each);
    const jobs = containers.map((container) => this.#job(command, plugin, container));
    const place = { netns: this.#lab.host, folder: path.join(this.#lab.dir, "calls") };
    const timings = timeCalls(path.join(this.bin, plugin.type), place, jobs);
    for (const [i, container] of containers.entries()) {
      if (command === "ADD") this.#results.set(container, JSON.parse(timings[i]?.stdout ?? ""));
      if (command === "DEL" && plugin === this.#plugins[0]) this.#results.delete(container);
    }
    return costOf(timings);
  }

  #job(command: string, plugin: Plugin, container: string) {
    const prevResult = command === "VERSION" ? undefined : this.#results.get(container);
    return {
      input: JSON.stringify({ ...plugin, ...(prevResult !== undefined && { prevResult }) }),
      env: {
        PATH: process.env["PATH"] ?? "",
        CNI_COMMAND: command,
        CNI_CONTAINERID: container,
        CNI_NETNS: this.#netns(container),
        CNI_IFNAME: "eth0",
        CNI_PATH: this.bin,
      },
    };
  }

  #netns(container: string): string {
    const netns = this.#namespaces.get(container) ?? this.#lab.addNamespace(container);
    this.#namespaces.set(container, netns);
    return netns;
  }

  #complete({ ipam }: Plugin): Record<string, unknown> {
    const network = { cniVersion: "1.1.0", name: "bench" };
    return ipam === undefined ? network : { ...network, ipam: { ...Object(ipam), dataDir: this.#lab.dataDir } };
  }

  /** Leases as another runtime's containers would have left them, from the far end of the range. */
  #fill(count: number): void {
    const folder = path.join(this.#lab.dataDir, "bench");
    fs.mkdirSync(folder, { recursive: true });
    for (let i = 0; i < count; i++) {
      const address = `10.1.${100 + (i >> 8)}.${i & 255}`;
      fs.writeFileSync(path.join(folder, address), `other${i}\r\neth0`, { mode: 0o600 });
    }
  }
}

function costOf(timings: readonly Timing[]): Cost {
  const starts = timings.map(({ start }) => start);
  const ends = timings.map(({ end }) => end);
  return {
    ms: Math.max(...ends) - Math.min(...starts),
    slowest: Math.max(...timings.map(({ start, end }) => end - start)),
    cpu: sum(timings.map(({ cpu }) => cpu)),
    memory: Math.max(...timings.map(({ memory }) => memory)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
