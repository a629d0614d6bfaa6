import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../lab.ts";

let lab: Lab;
let netns: Readonly<Record<"one" | "two", string>>;

/** Whose alias or comment it is. */
const OF = { one: "id: one", two: "id: two" } as const;

const PLUGINS = ["loopback", "bridge", "tuning", "bandwidth", "firewall", "portmap"] as const;

/** Two containers on one bridge, each with all that the plugins of a list give. */
beforeEach(() => {
  lab = new Lab();
  netns = { one: lab.addNamespace("one"), two: lab.addNamespace("two") };
  for (const id of ["one", "two"] as const) attach(id);
});

afterEach(() => lab.dispose());

function config(type: string, hostPort: number, prevResult?: unknown): object {
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  const fields: Readonly<Record<string, object>> = {
    bridge: { bridge: "br0", isGateway: true, ipMasq: true, ipam },
    tuning: { dataDir: tuningDir(), mtu: 1400, txQLen: 77 },
    bandwidth: { ingressRate: 8_000_000, ingressBurst: 800_000, egressRate: 8_000_000, egressBurst: 800_000 },
    portmap: { runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: "tcp" }] } },
  };
  return { cniVersion: "1.1.0", name: "net1", type, ...fields[type], ...(prevResult !== undefined && { prevResult }) };
}

function tuningDir(): string {
  return path.join(lab.dir, "tuning");
}

const PORTS = { one: 8001, two: 8002 } as const;

function attach(id: "one" | "two"): void {
  let prevResult: unknown;
  for (const plugin of PLUGINS) {
    const call = { config: config(plugin, PORTS[id], plugin === "bridge" ? undefined : prevResult), containerId: id };
    const outcome = lab.plugin(plugin, { command: "ADD", ...call, netns: netns[id], ...nameOf(plugin) });
    expect(outcome, outcome.stdout).toMatchObject({ status: 0 });
    if (plugin !== "loopback") prevResult = JSON.parse(outcome.stdout);
  }
}

function nameOf(plugin: string): object {
  return plugin === "loopback" ? { ifname: "lo" } : {};
}

function del(plugin: string, path: string): void {
  const call = {
    command: "DEL",
    config: config(plugin, PORTS.one),
    containerId: "one",
    netns: path,
    ...nameOf(plugin),
  };
  expect(lab.plugin(plugin, call)).toMatchObject({ status: 0, stdout: "", stderr: "" });
}

function portOf(id: "one" | "two"): string {
  const ports = lab.ip("link show type veth").map(Object);
  return ports.find(({ ifalias = "" }) => ifalias.endsWith(OF[id]))?.ifname;
}

/** What a container has, on the host and inside. */
function stateOf(id: "one" | "two"): object {
  const port = portOf(id);
  const ifbs = lab.ip("link show type ifb").map(Object);
  const rules = lab.run(["nft", "list", "ruleset"]).split(/[,}\n]/);
  return {
    inside: lab.run(["ip", "link", "show"], netns[id]),
    limits: [lab.run(["tc", "qdisc", "show", "dev", port]), lab.run(["tc", "filter", "show", "dev", port, "ingress"])],
    ifbs: ifbs.flatMap(({ ifname, ifalias = "" }) => (ifalias.endsWith(OF[id]) ? [ifname] : [])),
    rules: rules.filter((line) => line.includes(OF[id])).map((line) => line.trim()),
    backup: fs.existsSync(path.join(tuningDir(), `${id}_eth0.json`)),
    leases: lab.leases("net1").includes(id === "one" ? "10.88.0.2" : "10.88.0.3"),
  };
}

/** Nothing of what the first container's DEL takes away is left; its interface only where the last is yet to come. */
function expectGone(plugins: readonly string[]): void {
  const rules = lab.run(["nft", "list", "ruleset"]);
  if (plugins.includes("bandwidth")) {
    expect(lab.ip("link show type ifb").map((link) => Object(link).ifalias)).toEqual([expect.stringContaining(OF.two)]);
    const port = portOf("one");
    if (port !== undefined) expect(lab.run(["tc", "qdisc", "show", "dev", port])).not.toMatch(/tbf|ingress/);
  }
  if (plugins.includes("tuning")) expect(fs.readdirSync(tuningDir())).toEqual(["two_eth0.json"]);
  if (PLUGINS.every((plugin) => plugins.includes(plugin))) {
    expect(portOf("one")).toBeUndefined();
    expect(lab.leases("net1").filter((name) => name.startsWith("10."))).toEqual(["10.88.0.3"]);
    expect(rules).not.toContain(OF.one);
  }
}

const PATHS: readonly (readonly [string, () => string])[] = [
  ["another container", () => netns.two],
  ["the host", () => lab.host],
  ["a file", () => made("file", (at) => fs.writeFileSync(at, "x"))],
  ["a folder", () => made("folder", (at) => fs.mkdirSync(at))],
  ["a pipe", () => made("pipe", (at) => lab.run(["mkfifo", at]))],
  ["a link to itself", () => made("link", (at) => fs.symlinkSync(at, at))],
  ["a device", () => "/dev/null"],
  ["a namespace of another kind", () => "/proc/self/ns/mnt"],
  ["nothing", () => "/run/netns/none"],
  ["a name that is too long", () => `/run/netns/${"x".repeat(300)}`],
  ["no path", () => ""],
];

function made(name: string, make: (at: string) => void): string {
  const at = path.join(lab.dir, name);
  make(at);
  return at;
}

describe("DEL cleans its own and nothing else, where the path leads to", () => {
  it.each(PATHS)("%s", (_, pathOf) => {
    const before = stateOf("two");
    const host = lab.run(["ip", "link", "show", "lo"]);
    const done: string[] = [];
    const at = pathOf();
    for (const plugin of [...PLUGINS].reverse()) {
      del(plugin, at);
      done.push(plugin);
      expectGone(done);
      expect(stateOf("two")).toEqual(before);
    }
    for (const plugin of PLUGINS) del(plugin, at);
    expect(stateOf("two")).toEqual(before);
    expect(lab.run(["ip", "link", "show", "lo"])).toBe(host);
  });
});

describe("DEL goes by what ADD made, where the container", () => {
  const inOne = (commands: string) => lab.run(["sh", "-ec", commands], netns.one);
  const away = "ip link set eth0 down; ip link set eth0 name was0";

  it("made a veth with the numbers of another's", () => {
    const before = stateOf("two");
    const inside = Object(lab.ip("link show dev eth0", netns.two)[0]).ifindex;
    const outside = Object(lab.ip(`link show dev ${portOf("two")}`)[0]).ifindex;
    inOne(`ip link del eth0; ip link add eth0 index ${inside} type veth peer name y index ${outside}`);
    for (const plugin of [...PLUGINS].reverse()) del(plugin, netns.one);
    expect(stateOf("two")).toEqual(before);
    expectGone(PLUGINS);
  });

  it("renamed its interface and put another in its place: what tuning changed goes back to what it was", () => {
    inOne(`${away}; ip link add eth0 mtu 1300 type bridge`);
    del("tuning", netns.one);
    const links = lab.ip("link show", netns.one).map(Object);
    const found = links
      .filter(({ ifname }) => ifname !== "lo")
      .map(({ ifname, mtu, txqlen }) => ({ ifname, mtu, txqlen }));
    expect(found).toEqual([
      { ifname: "was0", mtu: 1500, txqlen: 1000 },
      { ifname: "eth0", mtu: 1300, txqlen: 1000 },
    ]);
    expect(fs.readdirSync(tuningDir())).toEqual(["two_eth0.json"]);
  });

  it("renamed lo, and gave it the interface's name too", () => {
    inOne(
      "ip link set lo down; ip link set lo name other; ip link property add dev other altname lo; ip link set other up",
    );
    inOne(`${away}; ip link property add dev other altname eth0`);
    for (const plugin of [...PLUGINS].reverse()) del(plugin, netns.one);
    expectGone(PLUGINS);
    expect(Object(lab.ip("link show dev other", netns.one)[0]).flags).not.toContain("UP");
  });
});

it("CHECK of tuning tells that the path leads to another container by now, with the same settings", () => {
  const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: "eth0", sandbox: netns.one }] };
  const check = (netns: string) =>
    lab.plugin("tuning", { command: "CHECK", config: config("tuning", 1, prevResult), containerId: "one", netns });
  expect(check(netns.one)).toMatchObject({ status: 0, stdout: "", stderr: "" });
  const msg = `The namespace at ${netns.two} is not the one in which ADD set what is to be checked`;
  expect(JSON.parse(check(netns.two).stdout)).toMatchObject({ code: 104, msg });
});

it("DEL gives an interface that the Go plugin tuned its settings back, but no other attachment's", () => {
  const one = path.join(tuningDir(), "one_eth0.json");
  fs.writeFileSync(one, '{"mtu": 1450}');
  del("tuning", netns.two);
  expect(Object(lab.ip("link show dev eth0", netns.two)[0]).mtu).toBe(1400);
  fs.writeFileSync(one, '{"mtu": 1450}');
  del("tuning", netns.one);
  expect(Object(lab.ip("link show dev eth0", netns.one)[0]).mtu).toBe(1450);
});

it("DEL ends limits behind a Go plugin's bridge, whose port says nothing, but only where prevResult does not name another", () => {
  const port = portOf("one");
  lab.run(["ip", "link", "set", "dev", port, "alias", ""]);
  const limited = () => /tbf/.test(lab.run(["tc", "qdisc", "show", "dev", port]));
  const call = { command: "DEL", containerId: "one", netns: netns.one };
  const result = (name: string) => ({
    cniVersion: "1.1.0",
    interfaces: [{ name }, { name: "eth0", sandbox: netns.one }],
  });
  lab.plugin("bandwidth", { ...call, config: config("bandwidth", 1, result("veth0")) });
  expect(limited()).toBe(true);
  lab.plugin("bandwidth", { ...call, config: config("bandwidth", 1, result(port)) });
  expect(limited()).toBe(false);
});
