import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { errorOf, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;
/** In which the network's container has an interface by the time that a chained plugin is called. */
let prevResult: unknown;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  prevResult = undefined;
});

afterEach(() => lab.dispose());

const net = { cniVersion: "1.1.0", name: "net1" };

const subnets = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];

/** Each plugin with all that it makes on the host. */
const plugins: Readonly<Record<string, () => Record<string, unknown>>> = {
  bridge: () => ({
    ...{ isGateway: true, ipMasq: true, ipMasqBackend: "nftables", macspoofchk: true, removeEmptyBridge: true },
    ipam: { type: "host-local", dataDir: lab.dataDir, ranges: subnets },
  }),
  bandwidth: () => ({ ingressRate: 8e6, ingressBurst: 8e5, egressRate: 8e6, egressBurst: 8e5 }),
  portmap: () => ({
    backend: "nftables",
    runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
  }),
  firewall: () => ({ backend: "nftables", ingressPolicy: "same-bridge" }),
};

function callOf(plugin: string, command: string, more: Partial<Call> = {}): Call {
  const config = { ...net, type: plugin, bridge: "br0", ...plugins[plugin]?.(), prevResult };
  return { command, config, netns, ...more };
}

function run(plugin: string, command: string, more: Partial<Call> = {}): Outcome {
  return lab.plugin(plugin, callOf(plugin, command, more));
}

/** Attaches the container where the plugin is to be called behind another. What is made once and stays is there: tables and folders. */
function prepare(plugin: string): void {
  const { stdout, status } = run("bridge", "ADD");
  expect(status, stdout).toBe(0);
  if (plugin !== "bridge") {
    prevResult = JSON.parse(stdout);
    expect(run(plugin, "ADD").status).toBe(0);
  }
  expect(run(plugin, "DEL").status).toBe(0);
}

function traced(inject: readonly string[]): Partial<Call> {
  const options = inject.flatMap((each) => ["-e", `inject=${each}`]);
  return { wrapper: ["strace", "-qq", "-o", path.join(lab.dir, "trace"), "-e", "signal=none", ...options] };
}

/** Between two of these calls nothing changes outside the process: who is killed at one has not made it. */
const OUTWARD = /^(sendto|write|pwrite64|openat|ftruncate|rename\w*|link\w*|unlink\w*|mkdir\w*|rmdir|exit_group)$/;

/** Those system calls that an ADD makes, each with its number among those of its name. */
function systemCalls(plugin: string): readonly { name: string; which: number }[] {
  const { status, stdout } = run(plugin, "ADD", traced([]));
  expect(status, stdout).toBe(0);
  expect(run(plugin, "DEL").status).toBe(0);
  const counts = new Map<string, number>();
  const lines = fs.readFileSync(path.join(lab.dir, "trace"), "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, name] = /^([a-z0-9_]+)\(/.exec(line) ?? [];
    if (name === undefined || !OUTWARD.test(name)) return [];
    const which = (counts.get(name) ?? 0) + 1;
    counts.set(name, which);
    return [{ name, which }];
  });
}

/** Rules, links, addresses and files, without tables, which stay once they are made. */
function traces(): unknown {
  const { rules, ...others } = tracesOf(lab, [netns]);
  const files = Object.entries(others.files).filter(([name]) => !/last_reserved_ip|lock$/.test(name));
  return { ...others, files, owned: rules.match(/comment "[0-9a-f]{16}-.*?"/g) ?? [] };
}

for (const plugin of Object.keys(plugins)) {
  describe(plugin, () => {
    it("ADD whose question was answered, and the answer lost, leaves nothing, whichever it was", () => {
      prepare(plugin);
      const before = traces();
      let lost = 0;
      for (let which = 1; which < 200; which++) {
        const outcome = run(plugin, "ADD", traced([`recvfrom:error=ENOBUFS:when=${which}`]));
        if (outcome.status === 0) run(plugin, "DEL");
        else {
          errorOf(outcome);
          lost++;
        }
        expect(traces(), `answer ${which} of ADD: ${outcome.stdout}`).toEqual(before);
        if (outcome.status === 0 && which > lost + 5) break;
      }
      expect(lost).toBeGreaterThan(2);
    });

    it("ADD that is killed at any of its system calls: DEL without a namespace, or GC, leaves nothing", () => {
      prepare(plugin);
      const before = traces();
      const calls = systemCalls(plugin);
      expect(traces()).toEqual(before);
      for (const [index, { name, which }] of calls.entries()) {
        const killed = run(plugin, "ADD", traced([`${name}:signal=SIGKILL:when=${which}`]));
        const after = index % 2 === 0 ? run(plugin, "DEL", { netns: "" }) : collect(plugin);
        expect(after, after.stdout).toMatchObject({ status: 0, stdout: "" });
        expect(traces(), `${name} ${which}: ${killed.signal} ${killed.stdout}`).toEqual(before);
      }
    });
  });
}

function collect(plugin: string): Outcome {
  const config = { ...Object(callOf(plugin, "GC").config), "cni.dev/valid-attachments": [] };
  return lab.plugin(plugin, { command: "GC", config });
}
