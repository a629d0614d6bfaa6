import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab } from "../lab.ts";
import { errorOf } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  addVeth("card0", "far0");
});

afterEach(() => lab.dispose());

const quiet = { status: 0, stdout: "", stderr: "" };

function addVeth(name: string, peer: string, where = lab.host, index?: number): void {
  const more = index === undefined ? [] : ["index", `${index}`];
  lab.run(["ip", "link", "add", "name", name, ...more, "type", "veth", "peer", "name", peer], where);
}

function callOf(command: string, more: Partial<Call> = {}): Call {
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  const dataDir = path.join(lab.dir, "host-device");
  const config = { cniVersion: "1.1.0", name: "net1", type: "host-device", dataDir, device: "card0", ipam };
  return { command, config, netns, ifname: "net1", ...more };
}

const run = (command: string, more: Partial<Call> = {}) => lab.plugin("host-device", callOf(command, more));

function add(): void {
  const outcome = run("ADD");
  expect(outcome, outcome.stdout).toMatchObject({ status: 0, stderr: "" });
}

/** The names of a namespace's links besides lo and the host's far ends. */
const linksOf = (where: string) =>
  lab
    .ip("link show", where)
    .map((each) => String(Object(each).ifname))
    .filter((name) => !/^(lo|far\d)$/.test(name));

const leases = () => lab.leases("net1").filter((name) => /^\d/.test(name));

const otherNames = (name: string) => Object(lab.ip(`link show dev ${name}`)[0]).altnames ?? [];

const nameToo = (name: string, other: string, where = lab.host) =>
  lab.run(["ip", "link", "property", "add", "dev", name, "altname", other], where);

/** What `ip` says of the host's device besides its index. */
function deviceOf(): object {
  const { ifindex: _, link_index: __, prog, xdp, ...rest } = Object(lab.ip("-details link show dev card0")[0]);
  return { ...rest, program: prog?.id ?? xdp?.prog?.id };
}

const attachProgram = (where: string, ...args: string[]) =>
  lab.run(["python3", path.join(import.meta.dirname, "xdp.py"), ...args], where);

describe("host-device DEL gives the device back as it was on the host", () => {
  const CHANGES = [
    "arp off multicast off promisc on allmulticast on",
    "txqueuelen 1 group 77 mode dormant",
    "broadcast 02:00:00:00:00:01",
    "gso_max_size 2000 gso_max_segs 2",
  ];

  it.each(["a path", "no path"])("with %s, where the container changed its settings and dropped all packets", (how) => {
    const before = deviceOf();
    add();
    for (const change of CHANGES) lab.run(["ip", "link", "set", "dev", "net1", ...change.split(" ")], netns);
    attachProgram(netns, "net1");
    expect(run("DEL", how === "a path" ? {} : { netns: "" })).toMatchObject(quiet);
    expect(deviceOf()).toEqual(before);
  });

  it("with the XDP program that it had there", () => {
    attachProgram(lab.host, "card0", "pass");
    const before = deviceOf();
    expect(before).toHaveProperty("program", expect.any(Number));
    add();
    expect(run("DEL")).toMatchObject(quiet);
    expect(deviceOf()).toEqual(before);
  });
});

describe("host-device DEL leaves another container's link alone that has the device's name and index", () => {
  it.each(["gone", "two"])("with the path of a container that is %s", (which) => {
    const { ifindex } = Object(lab.ip("link show dev card0")[0]);
    const two = lab.addNamespace("two");
    addVeth("card0", "theirs", two, ifindex);
    add();
    lab.deleteNamespace(netns);
    expect(run("DEL", { netns: which === "two" ? two : netns })).toMatchObject(quiet);
    expect(linksOf(two).sort()).toEqual(["card0", "theirs"]);
    expect([linksOf(lab.host), leases()]).toEqual([[], []]);
  });
});

describe("host-device DEL gives the device back with the other names that it had, and with no others", () => {
  it("where the container gave it names", () => {
    nameToo("card0", "enp3s0");
    add();
    nameToo("net1", "cni0", netns);
    nameToo("net1", "card0", netns);
    lab.run(["ip", "link", "property", "del", "dev", "net1", "altname", "enp3s0"], netns);
    expect(run("DEL")).toMatchObject(quiet);
    expect(otherNames("card0")).toEqual(["enp3s0"]);
  });

  it("where the configuration names it by one of them, longer than a name may be", () => {
    const long = "enp3s0-a-name-by-udev-of-the-slot";
    nameToo("card0", long);
    const call = (command: "ADD" | "DEL", at = netns) =>
      run(command, { config: { ...Object(callOf(command).config), device: long }, netns: at });
    expect(call("ADD")).toMatchObject({ status: 0 });
    expect(errorOf(call("ADD", lab.addNamespace("two"))).msg).toContain("of container c1");
    expect(call("DEL")).toMatchObject(quiet);
    expect(otherNames("card0")).toEqual([long]);
  });

  it("where a name is one of the host's, with which the kernel moves no link", () => {
    addVeth("uplink", "far1");
    add();
    nameToo("net1", "uplink", netns);
    expect(run("DEL")).toMatchObject(quiet);
    expect(linksOf(lab.host).sort()).toEqual(["card0", "uplink"]);
    expect([otherNames("card0"), leases()]).toEqual([[], []]);
  });

  it("where the device came back by itself", () => {
    add();
    nameToo("net1", "card0", netns);
    lab.run(["ip", "link", "set", "net1", "netns", path.basename(lab.host)], netns);
    expect(run("DEL")).toMatchObject(quiet);
    expect([linksOf(lab.host), otherNames("card0")]).toEqual([["card0"], []]);
  });
});

describe("host-device calls at once", () => {
  it("a container that got the device keeps it when another one's ADD comes too late", async () => {
    const two = { containerId: "two", netns: lab.addNamespace("two") };
    // The first one stops for a second after it has found the device and written its record.
    const slow = ["strace", "-o", "/dev/null", "-e", "inject=rename,renameat,renameat2:delay_exit=1000000"];
    const first = lab.start("host-device", callOf("ADD", { wrapper: slow }));
    while (!lab.running().some((pid) => pid !== first.pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    const second = lab.start("host-device", callOf("ADD", two));
    const ends = await Promise.all([first.ended, second.ended]);
    const winner = ends[0].status === 0 ? netns : two.netns;
    expect(ends.map(({ status }) => status).sort()).toEqual([0, 1]);
    expect(linksOf(winner)).toEqual(["net1"]);
    const loser = ends.find(({ status }) => status === 1);
    expect(loser && errorOf(loser).code).toBe(11);
    for (const each of [{}, two]) expect(run("DEL", each)).toMatchObject(quiet);
    expect([linksOf(lab.host), leases()]).toEqual([["card0"], []]);
  });

  it("two DELs of one attachment both succeed", async () => {
    for (let round = 0; round < 10; round++) {
      add();
      const ends = [1, 2].map(() => lab.start("host-device", callOf("DEL")).ended);
      for (const each of await Promise.all(ends)) expect(each, each.stdout).toMatchObject(quiet);
      expect([linksOf(lab.host), leases()]).toEqual([["card0"], []]);
    }
  });
});

describe("host-device DEL moves no link to the host that the container made", () => {
  /** Makes what reads like a device that the Go plugin moved: its name on the host is its alias. */
  function pretend(alias: string, mac: string): void {
    lab.run(["ip", "link", "add", "net1", "address", mac, "type", "veth", "peer", "name", "mine"], netns);
    lab.run(["ip", "link", "set", "net1", "alias", alias], netns);
  }

  it.each([
    ["any name", "enp5s0"],
    ["the device's name", "card0"],
  ])("under %s, when it is called again", (_, alias) => {
    const { status, stdout } = run("ADD");
    expect(status, stdout).toBe(0);
    const prevResult = JSON.parse(stdout);
    expect(run("DEL")).toMatchObject(quiet);
    pretend(alias, prevResult.interfaces[0].mac);
    for (const more of [{}, { prevResult }]) {
      expect(run("DEL", { config: { ...Object(callOf("DEL").config), ...more } })).toMatchObject(quiet);
      expect([linksOf(lab.host), linksOf(netns).sort()]).toEqual([["card0"], ["mine", "net1"]]);
    }
  });
});

it("host-device DEL leaves an interface of another attachment alone whose alias reads like a name", () => {
  const config = { cniVersion: "1.1.0", name: "net2", type: "ptp", ipam: { type: "static", addresses: [] } };
  const addresses = [{ address: "10.1.2.3/24", gateway: "10.1.2.1" }];
  const call = { config: { ...config, ipam: { type: "static", addresses } }, containerId: "two", netns };
  expect(lab.plugin("ptp", { command: "ADD", ...call, ifname: "net1" })).toMatchObject({ status: 0 });
  lab.run(["ip", "link", "set", "net1", "alias", "docker0"], netns);
  expect(run("DEL")).toMatchObject(quiet);
  expect(linksOf(netns)).toEqual(["net1"]);
});
