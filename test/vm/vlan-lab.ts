import { expect } from "vitest";
import { Lab, type Outcome } from "../lab.ts";

export type Config = Readonly<Record<string, unknown>>;

export interface AddResult {
  readonly interfaces: readonly { name: string; mac: string; sandbox?: string }[];
  readonly ips: readonly { address: string; gateway?: string }[];
}

/** A lab for bridges that filter VLANs, with containers by their name. */
export class VlanLab extends Lab {
  readonly #containers = new Map<string, string>();

  /** The namespace of a container, made when it is first named. */
  netns(container: string): string {
    const netns = this.#containers.get(container) ?? this.addNamespace(container);
    this.#containers.set(container, netns);
    return netns;
  }

  /** A layer 3 network on bridge0, in the way of the reference's own tests. */
  network(more: Config, subnets: readonly string[] = ["10.1.2.0/24"]): Config {
    const ranges = subnets.map((subnet) => [{ subnet }]);
    const ipam = { type: "host-local", dataDir: this.dataDir, ranges };
    return { cniVersion: "1.1.0", name: "testConfig", type: "bridge", bridge: "bridge0", ipam, ...more };
  }

  /** The same without IPAM. */
  layer2(more: Config): Config {
    return { cniVersion: "1.1.0", name: "testConfig", type: "bridge", bridge: "bridge0", ipam: {}, ...more };
  }

  call(command: string, config: Config, container = "c1"): Outcome {
    return this.plugin("bridge", { command, config, containerId: container, netns: this.netns(container) });
  }

  add(config: Config, container = "c1"): AddResult {
    const outcome = this.call("ADD", config, container);
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    return { interfaces: [], ips: [], ...JSON.parse(outcome.stdout) };
  }

  refuse(command: string, config: Config, container = "c1"): unknown {
    const outcome = this.call(command, config, container);
    expect(outcome.status).toBe(1);
    return JSON.parse(outcome.stdout);
  }

  del(config: Config, container = "c1"): void {
    expect(this.call("DEL", config, container)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  }

  linkNames(netns = this.host): string[] {
    return this.ip("link show", netns).map((link) => String(Object(link).ifname));
  }

  link(name: string, netns = this.host) {
    const [link] = this.ip(`-details link show dev ${name}`, netns);
    return Object(link);
  }

  /** A port's VLANs as `bridge` words them, `100 PVID Egress Untagged`. */
  vlans(port: string): string[] {
    const [entry] = JSON.parse(this.run(["bridge", "-json", "vlan", "show", "dev", port]));
    const vlans: { vlan: number; flags?: string[] }[] = entry?.vlans ?? [];
    return vlans.map(({ vlan, flags = [] }) => [vlan, ...flags].join(" "));
  }

  /** The name of the port that is a host link's other end. */
  peerOf(name: string): string {
    return String(this.link(name).link);
  }

  addresses(name: string, netns = this.host): string[] {
    const infos: { local?: string; prefixlen: number }[] = this.ip(
      `address show dev ${name} scope global`,
      netns,
    ).flatMap((link) => Object(link).addr_info);
    // `ip` prints {} for every address that it leaves out.
    return infos.filter(({ local }) => local !== undefined).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
  }

  pings(from: string, address: string): boolean {
    return this.try(["ping", "-c1", "-W1", address], this.netns(from)).status === 0;
  }
}
