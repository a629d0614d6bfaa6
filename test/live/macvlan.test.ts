import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Outcome } from "../lab.ts";
import { Lan } from "./lan.ts";

let lab: Lan;

beforeEach(() => {
  lab = new Lan();
});

afterEach(() => lab.dispose());

interface Attachment {
  readonly netns: string;
  readonly containerId?: string;
  readonly ifname?: string;
  readonly args?: string;
}

function hostLocal() {
  const ranges = [
    [{ subnet: "10.93.0.0/24", rangeStart: "10.93.0.100" }],
    [{ subnet: "fd00:93::/64", rangeStart: "fd00:93::100" }],
  ];
  return { type: "host-local", dataDir: lab.dataDir, ranges, routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }] };
}

function fixed(...addresses: string[]) {
  return { type: "static", addresses: addresses.map((address) => ({ address })) };
}

function network(fields: object = {}) {
  return { cniVersion: "1.1.0", name: "net1", type: "macvlan", master: "up0", ipam: hostLocal(), ...fields };
}

function run(command: string, fields: object, attachment: Attachment): Outcome {
  return lab.plugin("macvlan", { command, config: network(fields), ...attachment });
}

function add(fields: object, attachment: Attachment) {
  const outcome = run("ADD", fields, attachment);
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return JSON.parse(outcome.stdout);
}

function done(command: string, fields: object, attachment: Attachment): void {
  expect(run(command, fields, attachment)).toMatchObject({ status: 0, stdout: "", stderr: "" });
}

function refusal(command: string, fields: object, attachment: Attachment): { code: number; msg: string } {
  const outcome = run(command, fields, attachment);
  expect(outcome.status).toBe(1);
  return JSON.parse(outcome.stdout);
}

function leases(): readonly string[] {
  return lab.leases("net1").filter((name) => /^[\d.]+$|^[\da-f:]+$/.test(name));
}

describe("macvlan ADD", () => {
  it("gives the container a host's place in the network, in both families from the first packet", () => {
    const netns = lab.addNamespace("c1");
    const { interfaces, ips, routes } = add({}, { netns });
    const link = lab.link("eth0", netns);
    expect(interfaces).toEqual([{ name: "eth0", mac: link.address, mtu: 1500, sandbox: netns }]);
    expect(ips).toEqual([
      { address: "10.93.0.100/24", gateway: "10.93.0.1", interface: 0 },
      { address: "fd00:93::100/64", gateway: "fd00:93::1", interface: 0 },
    ]);
    expect(routes).toHaveLength(2);
    expect(link).toMatchObject({ operstate: "UP", linkinfo: { info_kind: "macvlan", info_data: { mode: "bridge" } } });
    for (const address of ["10.93.0.100", "fd00:93::100"]) expect(lab.pings(lab.lan, address), address).toBe(true);
    for (const address of ["10.93.0.1", "fd00:93::1"]) expect(lab.pings(netns, address), address).toBe(true);
    expect(lab.linkNames()).toEqual(["up0"]);
    expect(lab.run(["ip", "route", "show", "default"], netns)).toContain("via 10.93.0.1");
  });

  it.each([
    ["bridge", true],
    ["private", false],
  ])("with mode %s: containers of one host reach each other: %s", (mode, reaches) => {
    const [first, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    add({ mode, ipam: fixed("10.93.0.101/24") }, { netns: first });
    add({ mode, ipam: fixed("10.93.0.102/24") }, { netns: second, containerId: "c2" });
    expect(lab.pings(first, "10.93.0.1")).toBe(true);
    expect(lab.pings(first, "10.93.0.102")).toBe(reaches);
  });

  it("tells the network the MAC of an address that another container had", () => {
    const [first, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    const ipam = fixed("10.93.0.101/24", "fd00:93::101/64");
    const before = add({ ipam }, { netns: first }).interfaces[0].mac;
    for (const address of ["10.93.0.101", "fd00:93::101"]) expect(lab.pings(lab.lan, address)).toBe(true);
    done("DEL", { ipam }, { netns: first });
    const after = add({ ipam }, { netns: second, containerId: "c2" }).interfaces[0].mac;
    expect(after).not.toBe(before);
    const known = () => lab.ip("neigh show", lab.lan).map((each) => Object(each).lladdr);
    const deadline = performance.now() + 10_000;
    while (known().includes(before) && performance.now() < deadline);
    expect(known().filter((mac) => mac === after)).toHaveLength(2);
  });

  it.each([
    ["10.94.0.1/31", "10.94.0.0/31", "10.94.0.0", []],
    ["10.94.0.7/32", "10.93.0.9/32", "10.93.0.9", [{ dst: "10.93.0.9/32", scope: 253 }]],
    [
      "10.94.0.7/32",
      "10.93.0.9/32",
      "10.93.0.9",
      [
        { dst: "10.93.0.9/32", scope: 253 },
        { dst: "0.0.0.0/0", gw: "10.93.0.9" },
      ],
    ],
  ])("reaches the network with %s, CHECK finds it, and DEL leaves nothing", (address, neighbour, to, routes) => {
    const netns = lab.addNamespace("c1");
    lab.inLan(`ip address add ${neighbour} dev lan0`);
    if (address.endsWith("/32")) lab.inLan(`ip route add ${address} dev lan0`);
    const ipam = { ...fixed(address), routes };
    const prevResult = add({ ipam }, { netns });
    expect([prevResult.ips[0].address, lab.addresses("eth0", netns)]).toEqual([address, [address]]);
    expect(lab.pings(netns, to)).toBe(true);
    done("CHECK", { ipam, prevResult }, { netns });
    done("DEL", { ipam }, { netns });
    expect(lab.linkNames(netns)).toEqual([]);
  });

  it("sets mtu and advmss of routes", () => {
    const netns = lab.addNamespace("c1");
    const routes = [{ dst: "10.1.0.0/16", gw: "10.93.0.1", mtu: 1400, advmss: 1300, priority: 7 }];
    const ipam = { ...fixed("10.93.0.101/24"), routes };
    const prevResult = add({ ipam }, { netns });
    expect(prevResult.routes).toEqual(routes);
    expect(lab.ip("-details route show 10.1.0.0/16", netns)).toMatchObject([
      { gateway: "10.93.0.1", metric: 7, metrics: [{ mtu: 1400, advmss: 1300 }] },
    ]);
    done("CHECK", { ipam, prevResult }, { netns });
  });

  it("without IPAM brings the interface up, and no more", () => {
    const netns = lab.addNamespace("c1");
    const { interfaces, ips } = add({ ipam: {} }, { netns });
    expect([interfaces.length, ips]).toEqual([1, undefined]);
    expect(lab.link("eth0", netns).flags).toContain("UP");
    expect(lab.addresses("eth0", netns)).toEqual([]);
    done("DEL", { ipam: {} }, { netns });
    expect(lab.linkNames(netns)).toEqual([]);
  });

  it("sets MAC, MTU, mode and queue as asked for", () => {
    const netns = lab.addNamespace("c1");
    const mac = "02:00:00:00:00:77";
    const fields = { mode: "vepa", mtu: 1400, bcqueuelen: 50, mac: "02:00:00:00:00:78", runtimeConfig: { mac } };
    expect(add(fields, { netns, ifname: "net1" }).interfaces[0]).toMatchObject({ name: "net1", mac, mtu: 1400 });
    expect(lab.link("net1", netns)).toMatchObject({
      address: mac,
      mtu: 1400,
      linkinfo: { info_data: { mode: "vepa" } },
    });
  });

  it("with passthru has the master's MAC, and refuses a second one without a trace", () => {
    const [first, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    const mac = add({ mode: "passthru" }, { netns: first }).interfaces[0].mac;
    expect(mac).toBe(lab.link("up0").address);
    expect(lab.pings(first, "10.93.0.1")).toBe(true);
    const { code } = refusal("ADD", {}, { netns: second, containerId: "c2" });
    expect(code).toBe(107);
    expect([lab.linkNames(second), leases()]).toEqual([[], ["10.93.0.100", "fd00:93::100"]]);
  });

  it.each([{}, { master: "auto" }])("finds the master by the default route: %o", (fields) => {
    const netns = lab.addNamespace("c1");
    expect(refusal("ADD", { master: "", ...fields }, { netns })).toMatchObject({
      code: 7,
      msg: "no default route interface found",
    });
    lab.run("ip address add 10.93.0.2/24 dev up0".split(" "));
    lab.run("ip route add default via 10.93.0.1".split(" "));
    const { ips } = add({ master: "", ...fields }, { netns });
    expect(ips).toHaveLength(2);
    expect(lab.pings(netns, "10.93.0.1")).toBe(true);
  });

  it("has its name while the host and the master have it, too", () => {
    const netns = lab.addNamespace("c1");
    lab.run("ip link set up0 name eth0".split(" "));
    add({ master: "eth0" }, { netns });
    expect(lab.pings(netns, "10.93.0.1")).toBe(true);
  });

  it("finds the master by another name of it, which may be longer than 15 bytes", () => {
    const netns = lab.addNamespace("c1");
    const master = "enp3s0-a-name-by-udev-of-the-slot";
    lab.run(["ip", "link", "property", "add", "dev", "up0", "altname", master]);
    const prevResult = add({ master }, { netns });
    done("CHECK", { master, prevResult }, { netns });
    done("DEL", { master }, { netns });
  });

  it("stands on a link of the container with linkInContainer", () => {
    const netns = lab.addNamespace("c1");
    add({ ipam: {} }, { netns, ifname: "net1" });
    const fields = { linkInContainer: true, master: "net1" };
    const prevResult = add(fields, { netns, ifname: "net2" });
    done("CHECK", { ...fields, prevResult }, { netns, ifname: "net2" });
    expect(refusal("ADD", { ...fields, master: "up0" }, { netns, ifname: "net3" }).msg).toContain("Link not found");
    done("DEL", fields, { netns, ifname: "net2" });
    expect(lab.linkNames(netns)).toEqual(["net1"]);
  });

  it("stands beside a macvlan that is its master", () => {
    const netns = lab.addNamespace("c1");
    lab.run("ip link add mac0 link up0 up type macvlan mode bridge".split(" "));
    const prevResult = add({ master: "mac0" }, { netns });
    done("CHECK", { master: "mac0", prevResult }, { netns });
    expect(lab.pings(netns, "10.93.0.1")).toBe(true);
  });
});

describe("a failed macvlan ADD leaves nothing", () => {
  const missing = { type: "nonesuch" };
  it.each<[string, object, number]>([
    ["a master that is missing", { master: "nope0" }, 7],
    ["an MTU above the master's", { mtu: 9000 }, 7],
    ["a negative MTU", { mtu: -100 }, 7],
    ["a mode that is none", { mode: "source" }, 7],
    ["an IPAM plugin that is missing", { ipam: missing }, 108],
    ["an IPAM plugin that gives nothing", { ipam: { type: "static" } }, 108],
    [
      "a route that leads nowhere",
      { ipam: { ...fixed("10.93.0.50/24"), routes: [{ dst: "10.8.0.0/16", gw: "99.9.9.9" }] } },
      107,
    ],
    ["an address twice", { ipam: fixed("10.93.0.50/24", "10.93.0.50/24") }, 107],
    ["a version that cannot report it", { ipam: {}, cniVersion: "0.2.0" }, 7],
  ])("%s", (_, fields, code) => {
    const netns = lab.addNamespace("c1");
    expect(refusal("ADD", fields, { netns }).code).toBe(code);
    expect([lab.linkNames(netns), lab.linkNames(), leases()]).toEqual([[], ["up0"], []]);
  });

  it("on a port of a bridge, which it names", () => {
    const netns = lab.addNamespace("c1");
    lab.run("ip link add br0 type bridge".split(" "));
    lab.run("ip link set up0 master br0".split(" "));
    const said = 'Cannot use master "up0": it is a port of bridge "br0"; use that bridge, by "bridge" or as "master"';
    expect(refusal("ADD", {}, { netns })).toMatchObject({ code: 7, msg: said });
    expect(refusal("STATUS", {}, { netns: "", containerId: "", ifname: "" })).toMatchObject({ code: 50, msg: said });
    expect(lab.linkNames(netns)).toEqual([]);
  });

  it("with a name that is taken, and leaves that link alone", () => {
    const netns = lab.addNamespace("c1");
    lab.run("ip link add eth0 type ifb".split(" "), netns);
    expect(refusal("ADD", {}, { netns }).code).toBe(105);
    expect([lab.linkNames(netns), leases()]).toEqual([["eth0"], []]);
    done("DEL", {}, { netns });
    expect(lab.linkNames(netns)).toEqual(["eth0"]);
  });

  it("with an IPv6 address that another host has", () => {
    const netns = lab.addNamespace("c1");
    const { code, msg } = refusal("ADD", { ipam: fixed("fd00:93::1/64") }, { netns });
    expect([code, msg]).toEqual([101, "link eth0 has address fd00:93::1/64 in DADFAILED state"]);
    expect(lab.linkNames(netns)).toEqual([]);
  });
});

describe("macvlan DEL", () => {
  it("needs no master, and not its configuration", () => {
    const netns = lab.addNamespace("c1");
    add({}, { netns });
    done("DEL", { master: "nope0", mode: "source", mtu: "none" }, { netns });
    expect([lab.linkNames(netns), leases()]).toEqual([[], []]);
    done("DEL", {}, { netns });
  });

  it.each(["", "/run/netns/gone"])("releases the lease without the namespace: %o", (netns) => {
    add({}, { netns: lab.addNamespace("c1") });
    done("DEL", {}, { netns });
    expect(leases()).toEqual([]);
  });

  it("deletes an interface that the container has renamed, and none of another attachment", () => {
    const [first, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    add({}, { netns: first });
    add({}, { netns: second, containerId: "c2" });
    done("DEL", {}, { netns: second });
    expect(lab.linkNames(second)).toEqual(["eth0"]);
    lab.run("ip link set eth0 down".split(" "), second);
    lab.run("ip link set eth0 name wan0".split(" "), second);
    done("DEL", {}, { netns: second, containerId: "c2" });
    expect(lab.linkNames(second)).toEqual([]);
  });
});

describe("macvlan CHECK", () => {
  const breaks: readonly (readonly [string, string, string])[] = [
    ["another MAC", "ip link set eth0 address 02:00:00:00:00:99", "has MAC 02:00:00:00:00:99"],
    [
      "another mode",
      "ip link set eth0 type macvlan mode private",
      "mode private does not match expected value: bridge",
    ],
    ["an address less", "ip address del 10.93.0.100/24 dev eth0", "has no address 10.93.0.100/24"],
    ["a route less", "ip route del default", "Route 0.0.0.0/0 is missing"],
    ["no interface", "ip link del eth0", "is missing"],
    ["an interface that is down", "ip link set eth0 down", "is down"],
  ];
  it.each(breaks)("finds %s", (_, command, message) => {
    const netns = lab.addNamespace("c1");
    const prevResult = add({}, { netns });
    done("CHECK", { prevResult }, { netns });
    lab.run(command.split(" "), netns);
    const { code, msg } = refusal("CHECK", { prevResult }, { netns });
    expect([code, msg]).toEqual([104, expect.stringContaining(message)]);
  });

  it("finds another master, and needs prevResult", () => {
    const netns = lab.addNamespace("c1");
    const prevResult = add({}, { netns });
    lab.run("ip link add up1 type ifb".split(" "));
    const { msg } = refusal("CHECK", { prevResult, master: "up1" }, { netns });
    expect(msg).toContain('expected master "up1"');
    expect(refusal("CHECK", {}, { netns })).toMatchObject({ code: 7, msg: "required prevResult missing" });
  });
});

describe("macvlan GC and STATUS", () => {
  const nobody = { netns: "", containerId: "", ifname: "" };

  it("GC reclaims the leases of what is not valid", () => {
    const netns = lab.addNamespace("c1");
    add({}, { netns });
    done("GC", { "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] }, nobody);
    expect(leases()).toHaveLength(2);
    expect(run("GC", { "cni.dev/valid-attachments": [] }, nobody)).toMatchObject({ status: 0, stdout: "" });
    expect(leases()).toEqual([]);
  });

  it("STATUS succeeds where ADD would, and says what is missing", () => {
    done("STATUS", {}, nobody);
    done("STATUS", { master: "net1", linkInContainer: true }, nobody);
    expect(refusal("STATUS", { master: "nope0" }, nobody)).toMatchObject({
      code: 50,
      msg: 'Cannot use master "nope0": Link not found on the host',
    });
    expect(refusal("STATUS", { mtu: 9000 }, nobody)).toMatchObject({ code: 50 });
    expect(lab.linkNames()).toEqual(["up0"]);
  });
});
