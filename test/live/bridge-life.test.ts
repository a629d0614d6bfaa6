import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";

let lab: Lab;
let base: Readonly<Record<string, unknown>>;

beforeEach(() => {
  lab = new Lab();
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipam };
});

afterEach(() => lab.dispose());

/** A container of that name, made when it is first named. */
function netnsOf(containerId: string): string {
  const netns = `/run/netns/${lab.id}-${containerId}`;
  return lab.try(["true"], netns).status === 0 ? netns : lab.addNamespace(containerId);
}

function run(command: string, config: unknown, more: Partial<Call> = {}): Outcome {
  const { containerId = "c1" } = more;
  return lab.plugin("bridge", { command, config, containerId, netns: netnsOf(containerId), ...more });
}

/** Returns what ADD said on standard error. */
function add(config: unknown, more: Partial<Call> = {}): string {
  const outcome = run("ADD", config, more);
  expect(outcome, outcome.stdout).toMatchObject({ status: 0 });
  return outcome.stderr;
}

function del(config: unknown, more: Partial<Call> = {}): void {
  expect(run("DEL", config, more)).toMatchObject({ status: 0, stdout: "", stderr: "" });
}

function links(netns = lab.host): string[] {
  return lab.ip("link show", netns).map((link) => String(Object(link).ifname));
}

function mtuOf(name: string, netns = lab.host): number {
  return Object(lab.ip(`link show dev ${name}`, netns)[0]).mtu;
}

/** A link of the host's with that MTU, and through it a default route of each family named. */
function uplink(mtu: number, ...families: readonly (4 | 6)[]): void {
  lab.run(["ip", "link", "add", "up0", "mtu", `${mtu}`, "type", "veth", "peer", "name", "up1"]);
  for (const name of ["up0", "up1"]) lab.run(["ip", "link", "set", name, "up"]);
  lab.run(["ip", "address", "add", "198.51.100.2/24", "dev", "up0"]);
  lab.run(["ip", "address", "add", "2001:db8:1::2/64", "dev", "up0", "nodad"]);
  if (families.includes(4)) lab.run(["ip", "route", "add", "default", "via", "198.51.100.1"]);
  if (families.includes(6)) lab.run(["ip", "-6", "route", "add", "default", "via", "2001:db8:1::1"]);
}

describe('mtu "auto"', () => {
  it.each([
    ["of the default route's link", [4], [1430, 1430, 1430]],
    ["of IPv6's where IPv4 has none", [6], [1430, 1430, 1430]],
  ] as const)("gives bridge and veth the MTU %s", (_, families, expected) => {
    uplink(1430, ...families);
    expect(add({ ...base, mtu: "auto" })).toBe("");
    expect([mtuOf("br0"), mtuOf("eth0", netnsOf("c1"))]).toEqual(expected.slice(0, 2));
    const { stdout } = lab.try(["ping", "-M", "do", "-s", "1402", "-c1", "-W10", "10.88.0.2"]);
    expect(stdout).toContain(" 0% packet loss");
  });

  it("is the IPv4 link's where each family has another, and the lowest of several ways", () => {
    uplink(1430, 6);
    for (const [name, mtu, subnet] of [
      ["way1", "1410", "192.0.2"],
      ["way2", "1420", "203.0.113"],
    ] as const) {
      lab.run(["ip", "link", "add", name, "mtu", mtu, "type", "veth", "peer", "name", `${name}p`]);
      for (const end of [name, `${name}p`]) lab.run(["ip", "link", "set", end, "up"]);
      lab.run(["ip", "address", "add", `${subnet}.2/24`, "dev", name]);
    }
    // And TEST-NET-1 is a network of this host's, so that looking it up finds another route.
    lab.run(["ip", "route", "add", "default", "nexthop", "via", "192.0.2.1", "nexthop", "via", "203.0.113.1"]);
    add({ ...base, mtu: "auto" });
    expect(mtuOf("eth0", netnsOf("c1"))).toBe(1410);
  });

  it("follows the rules that lead to another table", () => {
    uplink(1390);
    lab.run(["ip", "route", "add", "default", "via", "198.51.100.1", "table", "77"]);
    lab.run(["ip", "rule", "add", "to", "0.0.0.0/0", "table", "77"]);
    add({ ...base, mtu: "auto" });
    expect(mtuOf("eth0", netnsOf("c1"))).toBe(1390);
  });

  it("is the kernel's own without a default route, and never lo's; ADD says so", () => {
    const line = 'mtu "auto": this host has no default route, so the kernel\'s own MTU is taken\n';
    expect(add({ ...base, mtu: "auto" })).toBe(line);
    expect([mtuOf("br0"), mtuOf("eth0", netnsOf("c1"))]).toEqual([1500, 1500]);
    del({ ...base, mtu: "auto" });
    lab.run(["ip", "route", "add", "default", "dev", "lo"]);
    expect(add({ ...base, mtu: "auto" })).toBe(line);
  });
});

describe("a port whose MTU differs from the bridge's others", () => {
  it.each([
    ["higher", 9000, 1500],
    ["lower", 1400, 1400],
  ])("gets a line on standard error where it is %s, and the first port gets none", (_, mtu, least) => {
    expect(add(base)).toBe("");
    expect(add({ ...base, mtu }, { containerId: "c2" })).toMatch(
      new RegExp(
        `^Port "veth[0-9a-f]{8}" has MTU ${mtu}, bridge "br0" and its other ports 1500: packets of more than ${least} bytes are dropped between them; .*\\n$`,
      ),
    );
    expect(add({ ...base, mtu: least }, { containerId: "c3" })).toBe("");
  });

  it("gets none on a bridge without ports, whatever MTU that has", () => {
    lab.run(["ip", "link", "add", "br0", "mtu", "1300", "type", "bridge"]);
    expect(add({ ...base, mtu: 9000 })).toBe("");
  });
});

describe("removeEmptyBridge", () => {
  const removing = () => ({ ...base, removeEmptyBridge: true, ipMasq: true });

  it("DEL deletes the bridge that an ADD made when its last port leaves, and another ADD makes it anew", () => {
    for (let round = 0; round < 2; round++) {
      for (const containerId of ["c1", "c2"]) add(removing(), { containerId });
      del(removing(), { containerId: "c1" });
      expect(links()).toContain("br0");
      del(removing(), { containerId: "c2" });
      expect(links()).toEqual(["lo"]);
      del(removing(), { containerId: "c2" });
    }
  });

  it("is off unless asked for, also when it is asked for in words that are no boolean", () => {
    add(base);
    del({ ...base, removeEmptyBridge: "yes" });
    expect(links()).toEqual(["lo", "br0"]);
  });

  it.each([
    ["that the administrator made", ["ip", "link", "add", "br0", "type", "bridge"], []],
    ["whose mark the administrator took away", [], ["ip", "link", "set", "br0", "alias", ""]],
    ["that somebody else's link is a port of", [], ["ip", "link", "add", "up0", "master", "br0", "type", "veth"]],
  ])("keeps a bridge %s", (_, before, after) => {
    if (before.length > 0) lab.run(before);
    add(removing());
    if (after.length > 0) lab.run(after);
    del(removing());
    expect(links()).toContain("br0");
  });

  it("keeps a bridge that another network has ports on, until its last port leaves as well", () => {
    const { ipam } = base;
    const other = { ...removing(), name: "net2", isGateway: false, ipam };
    add(removing());
    add(other, { containerId: "c2" });
    del(removing());
    expect(links()).toContain("br0");
    del(other, { containerId: "c2" });
    expect(links()).toEqual(["lo"]);
  });

  it("finds the bridge without the container's namespace, and when the configuration names another by now", () => {
    add(removing());
    lab.deleteNamespace(netnsOf("c1"));
    del(removing(), { netns: "" });
    expect(links()).toEqual(["lo"]);
    add(removing());
    del({ ...removing(), bridge: "br9" });
    expect(links()).toEqual(["lo"]);
  });

  it("GC deletes it with the last stale attachment, and not without a list", () => {
    add(removing());
    const gc = (list: unknown) => run("GC", { ...removing(), "cni.dev/valid-attachments": list }, { ifname: "" });
    expect(gc(undefined)).toMatchObject({ status: 0 });
    expect(gc([{ containerID: "c1", ifname: "eth0" }])).toMatchObject({ status: 0 });
    expect(links()).toContain("br0");
    expect(gc([])).toMatchObject({ status: 0 });
    expect(links()).toEqual(["lo"]);
  });

  it("an ADD that fails deletes it too where it leaves it without ports", () => {
    add(base);
    del(base);
    expect(links()).toEqual(["lo", "br0"]);
    const full = { ...removing(), ipam: { ...Object(base["ipam"]), ranges: [[{ subnet: "10.88.0.0/30" }]] } };
    const asked = { ...full, args: { cni: { ips: ["10.88.0.9"] } } };
    expect(JSON.parse(run("ADD", asked).stdout)).toMatchObject({ code: 101 });
    expect(links()).toEqual(["lo"]);
  });

  it("DEL waits for an ADD that has found the bridge and has no port yet, and then keeps it", async () => {
    add(removing());
    // What such an ADD holds meanwhile.
    const script =
      "exec 9</run/cni/bridge/lock; flock --shared 9; echo held; read _; ip link add p0 master br0 type veth";
    const holder = spawn("nsenter", [`--net=${lab.host}`, "--", "bash", "-c", script], { stdio: "pipe" });
    await once(holder.stdout, "data");
    const call = { command: "DEL", config: removing(), containerId: "c1", netns: netnsOf("c1") };
    const log = path.join(lab.dir, "strace");
    const wrapper = ["strace", "-f", "-qq", "-e", "trace=flock", "-e", "signal=none", "-o", log];
    const { ended } = lab.start("bridge", { ...call, wrapper });
    const tries = () => (fs.existsSync(log) ? fs.readFileSync(log, "utf8").split("EAGAIN").length - 1 : 0);
    await vi.waitUntil(() => tries() > 1, { timeout: 60_000, interval: 10 });
    expect(lab.leases("net1")).not.toContain("10.88.0.2");
    expect(links()).toContain("br0");
    holder.stdin.end("\n");
    expect(await ended).toMatchObject({ status: 0, stdout: "" });
    expect(links()).toContain("br0");
  });

  it("ADDs and DELs at once on one bridge: no ADD fails or loses its bridge, and nothing is left", async () => {
    const indexes = new Set<number>();
    const calls = ["s1", "s2", "s3"].map((containerId) => {
      return { config: removing(), containerId, netns: lab.addNamespace(containerId) };
    });
    const storm = async (call: (typeof calls)[number]) => {
      for (let round = 0; round < 4; round++) {
        expect(await lab.start("bridge", { ...call, command: "ADD" }).ended).toMatchObject({ status: 0, stderr: "" });
        indexes.add(Number(Object(lab.ip("link show dev br0")[0]).ifindex));
        lab.run(["ping", "-c1", "-W10", "10.88.0.1"], call.netns);
        expect(await lab.start("bridge", { ...call, command: "DEL" }).ended).toMatchObject({ status: 0, stdout: "" });
      }
    };
    // Between the two there is no bridge, so that all make one at once again.
    for (let times = 0; times < 2; times++) await Promise.all(calls.map(storm));
    expect(indexes.size).toBeGreaterThan(1);
    expect(links()).toEqual(["lo"]);
  });
});

describe("a bridge", () => {
  it("that two ADDs make at once is one, and both are connected", async () => {
    for (let round = 0; round < 3; round++) {
      const ids = ["c1", "c2", "c3"];
      const calls = ids.map((containerId) =>
        lab.start("bridge", { command: "ADD", config: base, containerId, netns: netnsOf(containerId) }),
      );
      for (const { ended } of calls) expect(await ended).toMatchObject({ status: 0, stderr: "" });
      for (const id of ids) lab.run(["ping", "-c1", "-W10", "10.88.0.1"], netnsOf(id));
      for (const containerId of ids) del(base, { containerId });
      lab.run(["ip", "link", "del", "br0"]);
    }
  });

  it("says in its alias who made it", () => {
    add(base);
    expect(lab.ip("link show dev br0")).toMatchObject([{ ifalias: "made by the CNI plugin bridge" }]);
  });
});
