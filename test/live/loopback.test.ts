import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { errorOf } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

/** The configuration that containerd has built in, in another version. */
function config(cniVersion = "1.1.0", more: object = {}) {
  return { cniVersion, name: "cni-loopback", type: "loopback", ...more };
}

function run(command: string, more: Partial<Call> = {}): Outcome {
  return lab.plugin("loopback", { command, config: config(), netns, ifname: "lo", ...more });
}

function add(more: Partial<Call> = {}) {
  const { status, stdout, stderr } = run("ADD", more);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout);
}

function isUp(): boolean {
  return Object(lab.ip("link show dev lo", netns)[0]).flags.includes("UP");
}

const quiet = { status: 0, stdout: "", stderr: "" };

const addresses = [{ address: "127.0.0.1/8" }, { address: "::1/128" }];

describe("loopback ADD", () => {
  it.each(["0.1.0", "0.2.0"])("brings lo up; result of %s", (cniVersion) => {
    expect(isUp()).toBe(false);
    expect(add({ config: config(cniVersion) })).toEqual({
      cniVersion,
      ip4: { ip: "127.0.0.1/8" },
      ip6: { ip: "::1/128" },
      dns: {},
    });
    expect(isUp()).toBe(true);
  });

  it.each(["0.3.0", "0.3.1", "0.4.0"])("brings lo up; result of %s", (cniVersion) => {
    expect(add({ config: config(cniVersion) })).toEqual({
      cniVersion,
      interfaces: [{ name: "lo", mac: "00:00:00:00:00:00", sandbox: netns }],
      ips: [4, 6].map((version, i) => ({ version: String(version), interface: 0, ...addresses[i] })),
      dns: {},
    });
    expect(isUp()).toBe(true);
  });

  it.each(["1.0.0", "1.1.0"])("brings lo up; result of %s", (cniVersion) => {
    expect(add({ config: config(cniVersion) })).toEqual({
      cniVersion,
      interfaces: [{ name: "lo", mac: "00:00:00:00:00:00", mtu: 65_536, sandbox: netns }],
      ips: addresses.map((each) => ({ interface: 0, ...each })),
    });
    expect(isUp()).toBe(true);
  });

  it("lets a container reach itself", () => {
    expect(lab.try(["ping", "-n", "-c1", "-w1", "127.0.0.1"], netns).status).not.toBe(0);
    add();
    for (const address of ["127.0.0.1", "::1"]) lab.run(["ping", "-n", "-c1", "-w5", address], netns);
  });

  it("says the same when lo is up already", () => {
    expect(add()).toEqual(add());
  });

  it("takes no notice of CNI_IFNAME and of CNI_ARGS that are no arguments", () => {
    expect(add({ ifname: "eth0", args: "none" }).interfaces).toMatchObject([{ name: "lo" }]);
    expect(isUp()).toBe(true);
  });

  it("hands a prevResult on", () => {
    const prevResult = {
      cniVersion: "1.0.0",
      interfaces: [{ name: "eth0", sandbox: netns }],
      ips: [{ address: "10.1.2.3/24", gateway: "10.1.2.1", interface: 0 }],
      routes: [{ dst: "0.0.0.0/0" }],
      dns: { nameservers: ["10.1.2.1"] },
    };
    expect(add({ config: config("1.0.0", { prevResult }) })).toEqual(prevResult);
    expect(isUp()).toBe(true);
  });

  it("goes before bridge in a list, whose result is bridge's own", () => {
    const ipam = { type: "host-local", dataDir: lab.dataDir, subnet: "10.1.2.0/24" };
    const network = { cniVersion: "0.4.0", name: "nomad", type: "bridge", bridge: "br0", isGateway: true, ipam };
    const prevResult = add({ config: config("0.4.0"), ifname: "eth0" });
    const { status, stdout } = lab.plugin("bridge", { command: "ADD", config: { ...network, prevResult }, netns });
    expect(status, stdout).toBe(0);
    expect(JSON.parse(stdout).interfaces.map((link: object) => Object(link).name)).not.toContain("lo");
    lab.run(["ping", "-n", "-c1", "-w5", "10.1.2.1"], netns);
  });

  it.each([
    ["up", "10.99.0.1/32", "10.99.0.1"],
    ["down", "fd00::1/128", "fd00::1"],
  ])("refuses a lo that has somebody's address, and leaves it %s as it was", (state, prefix, address) => {
    lab.run(["ip", "link", "set", "lo", state], netns);
    lab.run(["ip", "address", "add", prefix, "dev", "lo", "nodad"], netns);
    expect(errorOf(run("ADD"))).toEqual({
      code: 110,
      msg: `loopback interface found with non-loopback address "${address}"`,
      details: `in ${netns}: give it to another interface, or to lo when the container is attached`,
    });
    expect(isUp()).toBe(state === "up");
  });

  it("accepts another address of 127.0.0.0/8, and reports the first", () => {
    lab.run(["ip", "link", "set", "lo", "up"], netns);
    lab.run(["ip", "address", "add", "127.0.0.2/8", "dev", "lo"], netns);
    expect(add().ips).toMatchObject(addresses);
  });

  it("reports no IPv6 address where the container has no IPv6", () => {
    lab.run(["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"], netns);
    expect(add().ips).toEqual([{ address: "127.0.0.1/8", interface: 0 }]);
  });

  it("refuses a path that is no network namespace, and a prevResult that is none", () => {
    expect(errorOf(run("ADD", { netns: "/etc/passwd" })).code).toBe(8);
    expect(errorOf(run("ADD", { config: config("1.1.0", { prevResult: { ips: 5 } }) })).code).toBe(7);
    expect(isUp()).toBe(false);
  });
});

describe("loopback DEL", () => {
  it("takes lo down, and does so twice", () => {
    add();
    for (let i = 0; i < 2; i++) {
      expect(run("DEL")).toMatchObject(quiet);
      expect(isUp()).toBe(false);
    }
  });

  it.each(["", "/run/netns/gone", "/etc/passwd", "/etc/passwd/netns"])("succeeds with the namespace at %j", (path) => {
    expect(run("DEL", { netns: path })).toMatchObject(quiet);
  });
});

describe("loopback CHECK", () => {
  it("is well after ADD, with its result, without, and with that of another plugin", () => {
    const own = add();
    const other = { cniVersion: "1.1.0", interfaces: [{ name: "br0" }], ips: [{ address: "10.1.2.3/24" }] };
    for (const prevResult of [own, undefined, other])
      expect(run("CHECK", { config: config("1.1.0", { prevResult }) })).toMatchObject(quiet);
  });

  it("names all that differs", () => {
    const prevResult = add();
    lab.run(["ip", "address", "del", "127.0.0.1/8", "dev", "lo"], netns);
    lab.run(["ip", "link", "set", "lo", "down"], netns);
    expect(errorOf(run("CHECK", { config: config("1.1.0", { prevResult }) }))).toEqual({
      code: 104,
      msg: "loopback interface is down; loopback interface has no address 127.0.0.1/8; loopback interface has no address ::1/128",
    });
  });
});

describe("loopback", () => {
  it("GC and STATUS succeed and change nothing", () => {
    add();
    for (const command of ["GC", "STATUS"]) {
      const attachments = { "cni.dev/valid-attachments": [] };
      expect(run(command, { config: config("1.1.0", attachments), containerId: "", ifname: "" })).toMatchObject(quiet);
    }
    expect(isUp()).toBe(true);
  });

  it("VERSION names every version", () => {
    expect(JSON.parse(run("VERSION").stdout).supportedVersions).toHaveLength(7);
  });

  it("opens nothing for an ADD but the namespaces", () => {
    const trace = path.join(lab.dir, "trace");
    add({ wrapper: ["strace", "-f", "-o", trace, "-e", "trace=open,openat,socket,execve,clone,fork,vfork"] });
    const lines = fs.readFileSync(trace, "utf8").split("\n");
    const own = lines.slice(lines.findIndex((line) => line.includes(netns)));
    const files = own.flatMap((line) => /openat\(AT_FDCWD, "([^"]+)"/.exec(line)?.[1] ?? []);
    expect(files.filter((file) => !file.startsWith("/proc/self/"))).toEqual([netns, "/proc/thread-self/ns/net"]);
    expect(own.filter((line) => line.includes("socket("))).toHaveLength(1);
  });
});
