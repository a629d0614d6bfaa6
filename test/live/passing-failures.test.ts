import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isNative, Lab } from "../lab.ts";
import { failing } from "./failing.ts";
import { errorOf, leaseFiles } from "./traces.ts";

const network = { cniVersion: "1.1.0", name: "net1" };
const NOBODY = { "cni.dev/valid-attachments": [] };

let lab: Lab;
let netns: string;
beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});
afterEach(() => lab.dispose());

function bridge(command: string, wrapper: readonly string[] = [], members: object = {}) {
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.1.2.0/24" }]] };
  const config = { ...network, type: "bridge", bridge: "br0", ipam, ...members };
  return lab.plugin("bridge", { command, config, netns, wrapper });
}

function tuning(command: string, wrapper: readonly string[] = [], members: object = {}) {
  const prevResult = { cniVersion: "1.1.0", interfaces: [], ips: [] };
  const config = {
    ...network,
    type: "tuning",
    mtu: 1400,
    dataDir: path.join(lab.dir, "tuning"),
    prevResult,
    ...members,
  };
  return lab.plugin("tuning", { command, config, netns, wrapper });
}

function ports(): number {
  return lab.ip("link show type veth").length;
}

describe("host-local", () => {
  const lease = () => path.join(lab.dataDir, "net1/10.1.2.2");
  const record = () => path.join(lab.dataDir, "net1/.state/attachments/c1:eth0");
  const all = () => [leaseFiles(lab), fs.readdirSync(path.dirname(record()))];

  it.each([
    ["DEL", "read", "EIO", lease],
    ["DEL", "openat", "EMFILE", lease],
    ["DEL", "statx", "EIO", record],
    ["DEL", "readlink", "ENOMEM", record],
    ["GC", "read", "EIO", lease],
    ["GC", "openat", "ENOMEM", lease],
  ])(
    "%s does not take a lease for gone that it could not look at: %s fails with %s",
    (verb, syscall, error, fileOf) => {
      expect(bridge("ADD")).toMatchObject({ status: 0 });
      const members = verb === "GC" ? NOBODY : {};
      const refused = errorOf(bridge(verb, failing(syscall, error, { file: fileOf() }), members));
      expect(refused).toMatchObject({ code: 103, msg: expect.stringMatching(/^Cannot read /) });
      expect(leaseFiles(lab)).toEqual(["net1/10.1.2.2"]);
      expect(bridge(verb, [], members)).toMatchObject({ status: 0 });
      expect(all()).toEqual([[], []]);
    },
  );

  it.each(["DEL", "GC"])("%s tries again to remove what it has moved out of the way", (verb) => {
    expect(bridge("ADD")).toMatchObject({ status: 0 });
    const members = verb === "GC" ? NOBODY : {};
    expect(bridge(verb, failing("unlink", "EIO"), members)).toMatchObject({ status: 0 });
    expect(all()).toEqual([[], []]);
  });

  it("ADD has its lease also where the draft of it cannot be removed at once", () => {
    expect(bridge("ADD", failing("unlink", "EIO"))).toMatchObject({ status: 0 });
    expect(leaseFiles(lab)).toEqual(["net1/10.1.2.2"]);
  });
});

describe("tuning", () => {
  const mtu = () => Object(lab.ip("link show dev eth0", netns)[0]).mtu;
  const kept = () => path.join(lab.dir, "tuning/c1_eth0.json");

  beforeEach(() => {
    lab.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth1"], netns);
    expect(tuning("ADD")).toMatchObject({ status: 0 });
    expect(mtu()).toBe(1400);
  });

  it.each([
    ["read", "EIO", 107],
    ["openat", "EMFILE", 107],
    ["statx", "ENOMEM", 11],
    ["unlink", "EIO", 107],
    ["unlink", "ENOMEM", 11],
  ])("DEL keeps what it could not read or remove, for the next one: %s fails with %s", (syscall, error, code) => {
    expect(errorOf(tuning("DEL", failing(syscall, error, { file: kept() }))).code).toBe(code);
    expect(fs.existsSync(kept())).toBe(true);
    expect(tuning("DEL")).toMatchObject({ status: 0 });
    expect([mtu(), fs.existsSync(kept())]).toEqual([1500, false]);
  });

  it("DEL keeps what it cannot tell whose it is: getsockopt fails with ENOMEM", () => {
    // Of Node.js the first of these calls is for a socket of its own, and nothing fails.
    const refused = tuning("DEL", failing("getsockopt", "ENOMEM"));
    if (isNative) expect(errorOf(refused).code).toBe(11);
    expect(tuning("DEL")).toMatchObject({ status: 0 });
    expect([mtu(), fs.existsSync(kept())]).toEqual([1500, false]);
  });

  it("GC says what it could not read, and the next one removes it", () => {
    expect(errorOf(tuning("GC", failing("read", "EIO", { file: kept() }), NOBODY)).code).toBe(107);
    expect(tuning("GC", [], NOBODY)).toMatchObject({ status: 0 });
    expect(fs.existsSync(kept())).toBe(false);
  });
});

describe("loopback", () => {
  it("DEL does not take a namespace for gone that it could not look at", () => {
    const call = { config: { ...network, type: "loopback" }, netns, ifname: "lo" };
    const isUp = () => Object(lab.ip("link show dev lo", netns)[0]).flags.includes("UP");
    expect(lab.plugin("loopback", { command: "ADD", ...call })).toMatchObject({ status: 0 });
    const refused = errorOf(lab.plugin("loopback", { command: "DEL", ...call, wrapper: failing("fstatfs", "ENOMEM") }));
    expect(refused).toMatchObject({ code: 8, msg: expect.stringContaining("Cannot allocate memory") });
    expect(isUp()).toBe(true);
    expect(lab.plugin("loopback", { command: "DEL", ...call })).toMatchObject({ status: 0 });
    expect(isUp()).toBe(false);
  });
});

describe("bridge", () => {
  // Of Node.js the first reads are the C library's loader's, which gives up.
  const reads: readonly [string, string, number][] = [
    ["read", "EINTR", 1],
    ["read", "EINTR", 3],
  ];
  it.each<[string, string, number]>([
    ["openat", "EINTR", 1],
    ...(isNative ? reads : []),
    ["write", "EINTR", 1],
    ["write", "EINTR", 2],
    ["close", "EINTR", 1],
    ["setns", "ENOMEM", 2],
  ])("ADD and DEL go on where %s fails with %s, the call number %i", (syscall, error, when) => {
    expect(bridge("ADD", failing(syscall, error, { when }))).toMatchObject({ status: 0, stderr: "" });
    expect(bridge("DEL", failing(syscall, error, { when }))).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect([leaseFiles(lab), ports()]).toEqual([[], 0]);
  });
});

describe("firewall", () => {
  it.each([1, 2, 3])(
    "what ADD took is there, or ADD fails: mmap %i fails with ENOMEM, in iptables-restore too",
    (when) => {
      const prevResult = JSON.parse(bridge("ADD").stdout);
      const config = { ...network, type: "firewall", backend: "iptables", prevResult };
      const run = (command: string, wrapper: readonly string[] = []) =>
        lab.plugin("firewall", { command, config, netns, wrapper });
      const added = run("ADD", failing("mmap", "ENOMEM", { when })).status === 0;
      expect(run("CHECK").status === 0).toBe(added);
      expect(run("DEL")).toMatchObject({ status: 0 });
    },
  );
});
