import { expect } from "vitest";
import { formatAddress } from "../../src/ip/address.ts";
import { linkLocalAddress } from "../../src/ip/link-local.ts";
import type { Outcome } from "../lab.ts";
import { received, sendTexts } from "./frames.ts";
import { pathFor, type Variant } from "./masquerading.ts";
import { type Mapping, PortmapLab } from "./portmap.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A container on a network whose bridge has the network's name. */
export interface Member {
  readonly name: string;
  readonly network: string;
  readonly netns: string;
  readonly mac: string;
  readonly prevResult: unknown;
  readonly addresses: { readonly 4: string; readonly 6: string };
  /** The address that it gives itself on its link. */
  readonly local: string;
}

/** Where datagrams are heard. */
const PORT = 4242;

/** A lab whose networks have policies and published ports. */
export class PolicyLab extends PortmapLab {
  /** Attaches a container, named like "foo-1", to the bridge that its name begins with. Its servers answer at these ports. */
  async join(name: string, ports: readonly number[] = []): Promise<Member> {
    const [network = ""] = name.split("-");
    const netns = this.addNamespace(name);
    const outcome = this.plugin("bridge", { command: "ADD", config: this.#bridge(network), containerId: name, netns });
    expect(outcome).toMatchObject({ status: 0 });
    const prevResult = JSON.parse(outcome.stdout);
    const [ip4, ip6] = prevResult.ips.map(({ address }: { address: string }) => address.replace(/\/.*/, ""));
    const { mac } = prevResult.interfaces[2];
    // What stays unanswered must not be for want of a neighbour's MAC.
    await this.serve(name, netns, ports);
    const local = formatAddress(linkLocalAddress(mac));
    return { name, network, netns, mac, prevResult, addresses: { 4: ip4, 6: ip6 }, local };
  }

  /** The addresses of the host on a network's bridge, and another one in the network's subnets for each number. */
  address(network: string, number: number): { readonly 4: string; readonly 6: string } {
    const subnet = network.charCodeAt(0);
    return { 4: `10.88.${subnet}.${number}`, 6: `fd00:88:${subnet}::${number}` };
  }

  firewall(command: string, { name, network, netns, prevResult }: Member, fields: Fields, variant: Variant = "nft") {
    const config = { cniVersion: "1.1.0", name: network, type: "firewall", prevResult, ...fields };
    const environment = { PATH: pathFor(this, variant) };
    return mustSucceed(this.plugin("firewall", { command, config, containerId: name, netns, environment }));
  }

  publish(command: string, member: Member, mappings: readonly Mapping[], fields: Fields, variant: Variant = "nft") {
    const config = { name: member.network, ...fields };
    return mustSucceed(this.portmap(command, member, mappings, { config, variant }));
  }

  /** Whether bridges hand IP packets to the hooks of iptables and of table inet. */
  setBridgeCalls(isOn: boolean): void {
    const names = ["ip", "ip6"].map((word) => `net.bridge.bridge-nf-call-${word}tables=${Number(isOn)}`);
    this.run(["sysctl", "-qw", ...names]);
  }

  /** Tells a container the MACs of these addresses, so that it asks nobody. */
  introduce(from: Member, addresses: readonly string[], mac: string): void {
    for (const address of addresses)
      this.run(["ip", "neigh", "replace", address, "lladdr", mac, "dev", "eth0"], from.netns);
  }

  /** To which of these addresses a container's datagrams get to another one. The host's own last does in any case. */
  async heard(from: Member, to: Member, addresses: readonly string[]): Promise<string[]> {
    const texts = addresses.map((address) => [address, address] as const);
    const heard = await received(to.netns, { port: PORT, last: "the last" }, () => {
      sendTexts(this, texts, { netns: from.netns, port: PORT });
      // A host that has to ask for a MAC first holds packets back.
      for (const family of [4, 6] as const) this.run(["ping", "-n", "-c1", "-W2", to.addresses[family]]);
      sendTexts(this, [[to.addresses[4], "the last"]], { netns: this.host, link: to.network, port: PORT });
    });
    return heard.filter((text) => text !== "the last");
  }

  #bridge(network: string): object {
    const { 4: first, 6: sixth } = this.address(network, 0);
    const ranges = [[{ subnet: `${first}/24` }], [{ subnet: `${sixth.replace(/0$/, "")}/64` }]];
    const ipam = { type: "host-local", dataDir: this.dataDir, ranges };
    const flags = { isDefaultGateway: true, hairpinMode: true };
    return { cniVersion: "1.1.0", name: network, type: "bridge", bridge: network, ...flags, ipam };
  }
}

function mustSucceed(outcome: Outcome): Outcome {
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return outcome;
}
