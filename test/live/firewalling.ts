import { spawnSync } from "node:child_process";
import path from "node:path";
import { expect } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { addOutside, OUTSIDE } from "./masquerading.ts";

type Addresses = Readonly<Record<4 | 6, string>>;

type Fields = Readonly<Record<string, unknown>>;

/** A container on a network, with what its bridge plugin said. */
export interface Attached {
  readonly containerId: string;
  readonly network: string;
  readonly netns: string;
  readonly prevResult: unknown;
  readonly addresses: Addresses;
}

/** A lab with an outside that knows the way to every container, which is there from the beginning. */
export class Arena {
  readonly lab = new Lab();
  readonly #attached = new Map<string, Attached>();

  constructor() {
    addOutside(this.lab);
    const routes = "ip route add 10.88.0.0/16 via 203.0.113.1; ip -6 route add fd00:88::/32 via 2001:db8:f::1";
    this.lab.run(["sh", "-ec", routes], this.netns("outside"));
  }

  /** Attaches containers, named like "foo-1", each to the bridge that its name begins with. */
  attach(...names: readonly string[]): void {
    for (const name of names) this.#attached.set(name, attach(this.lab, name));
  }

  get(name: string): Attached {
    const found = this.#attached.get(name);
    if (found === undefined) throw new Error(`Cannot find container ${name}`);
    return found;
  }

  netns(name: string): string {
    return name === "outside" ? `/run/netns/${this.lab.id}-outside` : this.get(name).netns;
  }

  /** Which of these pairs "from>to" answer a ping within half a second, which only kernels have a part in, all asked at once: "from>to" where both families do, "from>to 4" where one does. */
  reaching(...pairs: readonly string[]): string[] {
    const pings = pairs.flatMap((pair) =>
      ([4, 6] as const).map((family) => {
        const [from = "", to = ""] = pair.split(">");
        const target = to === "outside" ? OUTSIDE[family] : this.get(to).addresses[family];
        return `(nsenter --net=${this.netns(from)} ping -n -c1 -W0.5 ${target} >/dev/null 2>&1 && echo "${pair} ${family}") &`;
      }),
    );
    const { stdout } = spawnSync("sh", ["-c", `${pings.join("\n")}\nwait`], { encoding: "utf8" });
    const answered = stdout.split("\n");
    return pairs.flatMap((pair) => {
      const families = [4, 6].filter((family) => answered.includes(`${pair} ${family}`));
      return families.length === 2 ? [pair] : families.map((family) => `${pair} ${family}`);
    });
  }

  /** A call of `firewall` for a container that is attached. */
  call(command: string, name: string, fields: Fields = {}, more: Partial<Call> = {}): Call {
    const { containerId, network, netns, prevResult } = this.get(name);
    const config = { cniVersion: "1.1.0", name: network, type: "firewall", prevResult, ...fields };
    return { command, config, containerId, netns, ...more };
  }

  /** Runs it, which has to succeed and to say nothing on standard error. */
  succeed(command: string, name: string, fields: Fields = {}, more: Partial<Call> = {}): unknown {
    const outcome = this.lab.plugin("firewall", this.call(command, name, fields, more));
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    return outcome.stdout === "" ? undefined : JSON.parse(outcome.stdout);
  }

  /** Runs it, which has to refuse; returns the error. */
  refuse(command: string, name: string, fields: Fields = {}, more: Partial<Call> = {}): Refusal {
    return readRefusal(this.lab.plugin("firewall", this.call(command, name, fields, more)));
  }

  dispose(): void {
    this.lab.dispose();
  }
}

export interface Refusal {
  readonly code: number;
  readonly msg: string;
}

/** The error that a call has ended with. */
function readRefusal({ status, stdout }: Outcome): Refusal {
  expect(status).toBe(1);
  return JSON.parse(stdout);
}

function attach(lab: Lab, name: string): Attached {
  const [network = ""] = name.split("-");
  const subnet = network.charCodeAt(0);
  const netns = lab.addNamespace(name);
  const ranges = [[{ subnet: `10.88.${subnet}.0/24` }], [{ subnet: `fd00:88:${subnet}::/64` }]];
  const ipam = { type: "host-local", dataDir: path.join(lab.dir, "networks"), ranges };
  const config = { cniVersion: "1.1.0", name: network, type: "bridge", bridge: network, isDefaultGateway: true, ipam };
  const outcome = lab.plugin("bridge", { command: "ADD", config, containerId: name, netns });
  expect(outcome).toMatchObject({ status: 0 });
  const prevResult = JSON.parse(outcome.stdout);
  const [ipv4, ipv6] = prevResult.ips.map(({ address }: { address: string }) => address.replace(/\/.*/, ""));
  return { containerId: name, network, netns, prevResult, addresses: { 4: ipv4, 6: ipv6 } };
}
