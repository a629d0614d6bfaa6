import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test, vi } from "vitest";
import { plugin as bandwidth } from "../../plugins/bandwidth/main.ts";
import { plugin as bridge } from "../../plugins/bridge/main.ts";
import { plugin as firewall } from "../../plugins/firewall/main.ts";
import { plugin as loopback } from "../../plugins/loopback/main.ts";
import { plugin as portmap } from "../../plugins/portmap/main.ts";
import { plugin as tuning } from "../../plugins/tuning/main.ts";
import type { Plugin } from "../../src/cni/plugin.ts";
import { createRequest } from "../../src/cni/request.ts";
import { formatResult, type Result } from "../../src/cni/result.ts";
import { failEach } from "../kernel/failures.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { run } from "../kernel/system.ts";
import { address, prefix } from "../netlink/text.ts";

vi.mock("../../src/linux/sysctl.ts", async () => (await import("../kernel/system.ts")).sysctl);
vi.mock("../../src/linux/netns.ts", async () => (await import("../kernel/system.ts")).netns);
vi.mock("../../src/linux/ifreq.ts", async (original) => ({
  ...(await original<object>()),
  ...(await import("../kernel/system.ts")).ifreq,
}));
vi.mock("../../src/netlink/socket.ts", async (original) => ({
  ...(await original<object>()),
  ...(await import("../kernel/system.ts")).socket,
}));
vi.mock("../../src/steps/bridge-lock.ts", async () => (await import("../kernel/system.ts")).bridgeLock);
vi.mock("../../src/steps/container.ts", async (original) => ({
  ...(await original<object>()),
  identifyContainer: ({ netns }: { netns: number }) => `${netns}`,
}));
// A host whose only firewall is nf_tables, and an IPAM plugin that always has the same addresses.
vi.mock("../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: () => false,
  findInLegacy: () => [],
  readLegacyTable: () => undefined,
}));
vi.mock("../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));
vi.mock("../../plugins/firewall/firewalld.ts", () => ({ findFirewalld: () => undefined, removeSources: () => {} }));
vi.mock("../../src/cni/delegate.ts", async (original) => ({
  ...(await original<object>()),
  startDelegate: () => ({ begin: () => {}, abandon: () => false, result: () => leased, done: () => {} }),
}));

const leased = {
  interfaces: [],
  ips: [
    { address: prefix("10.88.0.2/16"), gateway: address("10.88.0.1") },
    { address: prefix("fd00:88::2/64"), gateway: address("fd00:88::1") },
  ],
  routes: [{ dst: prefix("0.0.0.0/0") }],
  dns: {},
};

const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), "verbs-"));
afterAll(() => fs.rmSync(dataDir, { recursive: true }));

const PLAIN = { bridge: "cni0", isGateway: true, removeEmptyBridge: true, ipam: { type: "fixed" } };
const VLAN = { ...PLAIN, ipMasq: true, vlan: 100 };
const LIMITS = { ingressRate: 1_000_000, ingressBurst: 100_000, egressRate: 1_000_000, egressBurst: 100_000 };
const MAPPED = { portMappings: [{ hostPort: 80, containerPort: 8080, protocol: "tcp" }] };
const TUNED = { mtu: 1400, mac: "02:00:00:00:00:44", promisc: true, dataDir };

/** What is called, and with what. One that follows is called on what a plain bridge has made. */
interface Case {
  readonly title: string;
  readonly plugin: Plugin;
  readonly fields: object;
  readonly follows?: boolean;
}

const CASES: readonly Case[] = [
  { title: "loopback", plugin: loopback, fields: {} },
  { title: "bridge", plugin: bridge, fields: PLAIN },
  { title: "bridge with VLAN and masquerade", plugin: bridge, fields: VLAN },
  { title: "portmap", plugin: portmap, fields: { runtimeConfig: MAPPED }, follows: true },
  { title: "firewall", plugin: firewall, fields: { ingressPolicy: "isolated" }, follows: true },
  { title: "bandwidth", plugin: bandwidth, fields: LIMITS, follows: true },
  { title: "tuning", plugin: tuning, fields: TUNED, follows: true },
];

/** Its rule set is so large that a failure of each request takes seconds: spoof-guard.test.ts has those that are its own. */
const STRICT: Case = {
  title: "bridge with strict spoof check",
  plugin: bridge,
  fields: { ...VLAN, spoofchk: "strict" },
};

type Verb = "ADD" | "CHECK" | "DEL" | "GC" | "STATUS";

/** A call for interface eth0 of container c1 in namespace "container", on what an earlier one gave. */
function requestOf(verb: Verb, { plugin, fields }: Case, given?: Result) {
  const prevResult = given && JSON.parse(formatResult(given, "1.1.0"));
  const valid = { "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] };
  const json = {
    cniVersion: "1.1.0",
    name: "net1",
    type: plugin.name,
    prevResult,
    ...(verb === "GC" && valid),
    ...fields,
  };
  return createRequest(verb, {
    network: { name: "net1", json },
    version: "1.1.0",
    stdin: Buffer.from(JSON.stringify(json)),
    environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", CNI_NETNS: "/run/netns/container", CNI_PATH: "/opt/cni" },
    log: () => {},
  });
}

/** A kernel with a container, which is attached to a plain bridge where the plugin follows another one. */
function arrange({ plugin, follows = false }: Case) {
  const kernel = run(new FakeKernel());
  const container = kernel.addNamespace("container", { up: plugin !== loopback });
  const given = follows ? bridge.add(requestOf("ADD", { title: "", plugin: bridge, fields: PLAIN })) : undefined;
  return { kernel, container, given };
}

type Stage = ReturnType<typeof arrange>;

/** What belongs to an attachment, of all that there is: rule sets stay for others, and so does what the host is told once. */
function ownOf({ kernel, container }: Pick<Stage, "kernel" | "container">) {
  const { host, ...rest } = kernel.snapshot();
  return {
    links: host?.links,
    traffic: host?.traffic,
    elements: host?.rules.filter((line) => line.includes(" element ")),
    inside: [...container.links.values()].map(({ name, flags, mac, mtu, alias }) => [name, flags, mac, mtu, alias]),
    addresses: rest["container"]?.addresses.filter((line) => !line.startsWith("lo")),
  };
}

describe.each([...CASES, STRICT])("$title", (which) => {
  const { plugin } = which;

  test("does what it says: CHECK finds all that ADD made, GC and STATUS change nothing, and after DEL nothing is left", () => {
    const stage = arrange(which);
    const before = ownOf(stage);
    const result = plugin.add(requestOf("ADD", which, stage.given));
    const made = ownOf(stage);
    expect(made).not.toEqual(before);
    plugin.check(requestOf("CHECK", which, result));
    plugin.gc?.(requestOf("GC", which));
    plugin.status?.(requestOf("STATUS", which));
    plugin.check(requestOf("CHECK", which, result));
    expect(ownOf(stage)).toEqual(made);
    plugin.del(requestOf("DEL", which, result));
    expect(ownOf(stage)).toEqual(before);
    plugin.del(requestOf("DEL", which, result));
    expect(ownOf(stage)).toEqual(before);
  });
});

describe.each(CASES)("$title", (which) => {
  const { plugin } = which;

  test("ADD leaves nothing behind, whichever of its requests fails", () => {
    const act = ({ given }: Stage) => void plugin.add(requestOf("ADD", which, given));
    expect(failEach(() => arrange(which), act, ownOf)).toBeGreaterThan(1);
  });

  test("DEL does the rest when it is called again, whichever of its requests fails", () => {
    for (const how of ["refuse", "loseAnswer"] as const) {
      for (let [n, isOver] = [1, false]; !isOver; n++) {
        const stage = arrange(which);
        const before = ownOf(stage);
        const result = plugin.add(requestOf("ADD", which, stage.given));
        const from = stage.kernel.requests;
        stage.kernel[how](n);
        const del = () => plugin.del(requestOf("DEL", which, result));
        const isFailed = catchAny(del);
        isOver = stage.kernel.requests < from + n;
        expect(isFailed).toBe(!isOver);
        stage.kernel.heal();
        del();
        expect({ asked: stage.kernel.log[from + n - 1], left: ownOf(stage) }).toMatchObject({ left: before });
      }
    }
  });
});

function catchAny(act: () => void): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}
