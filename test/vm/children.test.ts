import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Outcome } from "../lab.ts";
import { Lan } from "../live/lan.ts";

let lab: Lan;

beforeEach(() => {
  lab = new Lan();
});

afterEach(() => lab.dispose());

interface Attachment {
  readonly netns: string;
  readonly containerId?: string;
  readonly ifname?: string;
}

const nobody = { netns: "", containerId: "", ifname: "" };

function fixed(...addresses: string[]) {
  return { type: "static", addresses: addresses.map((address) => ({ address })) };
}

function hostLocal() {
  return {
    type: "host-local",
    dataDir: lab.dataDir,
    ranges: [[{ subnet: "10.93.0.0/24", rangeStart: "10.93.0.100" }]],
  };
}

function run(type: string, command: string, fields: object, attachment: Attachment): Outcome {
  const config = { cniVersion: "1.1.0", name: "net1", type, master: "up0", ipam: hostLocal(), ...fields };
  return lab.plugin(type, { command, config, ...attachment });
}

function add(type: string, fields: object, attachment: Attachment) {
  const outcome = run(type, "ADD", fields, attachment);
  expect(outcome).toMatchObject({ status: 0, stderr: "" });
  return JSON.parse(outcome.stdout);
}

function done(type: string, command: string, fields: object, attachment: Attachment): void {
  expect(run(type, command, fields, attachment)).toMatchObject({ status: 0, stdout: "", stderr: "" });
}

function refusal(type: string, command: string, fields: object, attachment: Attachment) {
  const outcome = run(type, command, fields, attachment);
  expect(outcome.status).toBe(1);
  const { code, msg } = JSON.parse(outcome.stdout);
  return [code, msg];
}

function leases(): readonly string[] {
  return lab.leases("net1").filter((name) => /^[\d.]+$/.test(name));
}

function infoOf(netns: string) {
  return lab.link("eth0", netns).linkinfo;
}

describe("dummy", () => {
  it("gives addresses, stands every verb, and leaves nothing", () => {
    const netns = lab.addNamespace("c1");
    const prevResult = add("dummy", {}, { netns });
    expect(prevResult.interfaces).toEqual([
      { name: "eth0", mac: lab.link("eth0", netns).address, mtu: 1500, sandbox: netns },
    ]);
    expect([infoOf(netns).info_kind, lab.addresses("eth0", netns)]).toEqual(["dummy", ["10.93.0.100/24"]]);
    done("dummy", "CHECK", { prevResult }, { netns });
    done("dummy", "STATUS", {}, nobody);
    lab.run("ip link set eth0 down".split(" "), netns);
    expect(refusal("dummy", "CHECK", { prevResult }, { netns })).toEqual([104, expect.stringContaining("is down")]);
    for (let i = 0; i < 2; i++) done("dummy", "DEL", {}, { netns });
    expect([lab.linkNames(netns), leases()]).toEqual([[], []]);
    expect(refusal("dummy", "ADD", { ipam: { type: "static" } }, { netns })[0]).toBe(108);
    expect(lab.linkNames(netns)).toEqual([]);
  });
});

describe("vlan", () => {
  it("tags packets, so that the VLAN's gateway answers", () => {
    const netns = lab.addNamespace("c1");
    lab.inLan("ip link add lan0.100 up link lan0 type vlan id 100");
    lab.inLan("ip address add 10.98.0.1/24 dev lan0.100");
    const ipam = fixed("10.98.0.2/24", "fd00:98::2/64");
    const fields = { vlanId: 100, mtu: 1400, ipam };
    const prevResult = add("vlan", fields, { netns });
    expect(infoOf(netns)).toMatchObject({ info_kind: "vlan", info_data: { id: 100 } });
    expect(prevResult.interfaces[0]).toMatchObject({ mac: lab.link("up0").address, mtu: 1400 });
    expect(lab.pings(netns, "10.98.0.1")).toBe(true);
    done("vlan", "CHECK", { ...fields, prevResult }, { netns });
    expect(refusal("vlan", "CHECK", { ...fields, vlanId: 101, prevResult }, { netns })).toEqual([
      104,
      'Interface "eth0" is in VLAN 100, expected 101',
    ]);
    // The path leads to another container.
    done("vlan", "DEL", fields, { netns, containerId: "c2" });
    expect(lab.linkNames(netns)).toEqual(["eth0"]);
    done("vlan", "DEL", { vlanId: 9999, master: "nope0" }, { netns });
    expect(lab.linkNames(netns)).toEqual([]);
  });

  it("says who has the VLAN, and leaves neither link nor lease", () => {
    const [first, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    add("vlan", { vlanId: 100 }, { netns: first });
    const other = { netns: second, containerId: "c2" };
    expect(refusal("vlan", "ADD", { vlanId: 100 }, other)).toEqual([
      107,
      'Cannot use VLAN 100 of "up0": interface "eth0" of container "c1" on network "net1" has it already',
    ]);
    expect([lab.linkNames(second), leases()]).toEqual([[], ["10.93.0.100"]]);
    lab.run("ip link add up0.7 link up0 type vlan id 7".split(" "));
    expect(refusal("vlan", "ADD", { vlanId: 7 }, other)[1]).toContain('link "up0.7" of the host has it already');
    // The name eth0 is taken on the host: this kernel minds that.
    lab.run("ip link add eth0 type dummy".split(" "));
    add("vlan", { vlanId: 101 }, other);
    expect(lab.linkNames(second)).toEqual(["eth0"]);
  });

  it("with shared puts several containers into one VLAN, whose link goes with the last", async () => {
    const netnses = ["c1", "c2", "c3"].map((name) => lab.addNamespace(name));
    const [first = "", second = "", third = ""] = netnses;
    lab.inLan("ip link add lan0.100 up link lan0 type vlan id 100");
    lab.inLan("ip address add 10.98.0.1/24 dev lan0.100");
    const sharing = (last: number) => ({
      vlanId: 100,
      shared: true,
      ipam: fixed(`10.98.0.${last}/24`, `fd00:98::${last}/64`),
    });
    const config = (last: number) => ({
      cniVersion: "1.1.0",
      name: "net1",
      type: "vlan",
      master: "up0",
      ...sharing(last),
    });
    const before = lab.linkNames();
    // All at once: one makes the link, and the others find it.
    const outcomes = await Promise.all(
      netnses.map(
        (netns, at) =>
          lab.start("vlan", { command: "ADD", config: config(at + 2), netns, containerId: `c${at + 1}` }).ended,
      ),
    );
    expect(outcomes).toMatchObject(netnses.map(() => ({ status: 0, stderr: "" })));
    expect([lab.linkNames().sort(), infoOf(first)]).toMatchObject([
      [...before, "up0.100"].sort(),
      { info_kind: "macvlan", info_data: { mode: "bridge" } },
    ]);
    expect(lab.addresses("up0.100", lab.host)).toEqual([]);
    for (const address of ["10.98.0.1", "10.98.0.3", "fd00:98::4"])
      expect(lab.pings(first, address), address).toBe(true);
    const prevResult = JSON.parse(outcomes[0]?.stdout ?? "");
    done("vlan", "CHECK", { ...sharing(2), prevResult }, { netns: first });
    done("vlan", "STATUS", sharing(2), nobody);
    lab.run("ip link set up0.100 down".split(" "));
    expect(refusal("vlan", "CHECK", { ...sharing(2), prevResult }, { netns: first })[1]).toContain(
      'Link "up0.100" is down',
    );
    lab.run("ip link set up0.100 up".split(" "));
    // Without shared the VLAN is taken, and a failed ADD takes it from nobody.
    const other = { netns: lab.addNamespace("c4"), containerId: "c4" };
    expect(refusal("vlan", "ADD", { vlanId: 100 }, other)[1]).toContain('link "up0.100" of the host has it already');
    expect(refusal("vlan", "ADD", { ...sharing(9), ipam: { type: "static" } }, other)[0]).toBe(108);
    done("vlan", "DEL", sharing(2), { netns: first });
    done("vlan", "DEL", sharing(3), { netns: second, containerId: "c2" });
    expect(lab.linkNames()).toContain("up0.100");
    expect(lab.pings(third, "10.98.0.1")).toBe(true);
    for (let count = 0; count < 2; count++) done("vlan", "DEL", sharing(4), { netns: third, containerId: "c3" });
    expect([lab.linkNames(), lab.linkNames(third)]).toEqual([before, []]);
    expect(refusal("vlan", "ADD", { ...sharing(9), ipam: { type: "static" } }, other)[0]).toBe(108);
    expect(lab.linkNames()).toEqual(before);
  });

  it("with shared, GC deletes a link whose containers have ended without DEL", () => {
    const netns = lab.addNamespace("c1");
    const fields = { vlanId: 100, shared: true };
    add("vlan", fields, { netns });
    lab.run("ip link del eth0".split(" "), netns);
    lab.run("ip link add up0.7 link up0 type vlan id 7".split(" "));
    done("vlan", "GC", { ...fields, "cni.dev/valid-attachments": [{ containerID: "c1", ifname: "eth0" }] }, nobody);
    expect(lab.linkNames().sort()).toEqual(["up0", "up0.7"]);
  });

  it("with static's checkConflict refuses an address of the VLAN's hosts", () => {
    const netns = lab.addNamespace("c1");
    lab.inLan("ip link add lan0.100 up link lan0 type vlan id 100");
    lab.inLan("ip address add 10.98.0.1/24 dev lan0.100");
    for (const shared of [false, true]) {
      const ipam = { ...fixed("10.98.0.1/24"), checkConflict: true };
      const [code, msg] = refusal("vlan", "ADD", { vlanId: 100, shared, ipam }, { netns });
      expect([code, msg]).toEqual([101, expect.stringContaining("Cannot use 10.98.0.1: the host with MAC")]);
      expect([lab.linkNames(netns), lab.linkNames()]).toEqual([[], ["up0"]]);
    }
  });

  it("stands on a link of the container, and STATUS says what is missing", () => {
    const netns = lab.addNamespace("c1");
    lab.run("ip link add net1 up type dummy".split(" "), netns);
    const fields = { master: "net1", linkInContainer: true, vlanId: 5 };
    const prevResult = add("vlan", fields, { netns });
    done("vlan", "CHECK", { ...fields, prevResult }, { netns });
    done("vlan", "STATUS", fields, nobody);
    expect(refusal("vlan", "STATUS", { master: "nope0" }, nobody)).toEqual([
      50,
      'Cannot use master "nope0": Link not found on the host',
    ]);
    done("vlan", "DEL", fields, { netns });
    expect(lab.linkNames(netns)).toEqual(["net1"]);
  });
});

describe("ipvlan", () => {
  it("with static's checkConflict refuses an address of another host in both families, and gives one that is free", () => {
    const netns = lab.addNamespace("c1");
    const mac = lab.link("lan0", lab.lan).address;
    for (const address of ["10.93.0.1", "fd00:93::1"]) {
      const ipam = { ...fixed(address.includes(":") ? `${address}/64` : `${address}/24`), checkConflict: true };
      const said = `Cannot use ${address}: the host with MAC ${mac} on the link of "eth0" has it`;
      expect(refusal("ipvlan", "ADD", { ipam }, { netns })).toEqual([101, said]);
      expect(lab.linkNames(netns)).toEqual([]);
    }
    const ipam = { ...fixed("10.93.0.50/24", "fd00:93::50/64"), checkConflict: true };
    add("ipvlan", { ipam }, { netns });
    for (const address of ["10.93.0.1", "fd00:93::1"]) expect(lab.pings(netns, address), address).toBe(true);
  });

  it("gives the container a place in the network, with the master's MAC", () => {
    const [netns, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    const ipam = fixed("10.93.0.101/24", "fd00:93::101/64");
    const prevResult = add("ipvlan", { ipam }, { netns });
    expect(infoOf(netns)).toMatchObject({ info_kind: "ipvlan", info_data: { mode: "l2" } });
    expect(prevResult.interfaces[0].mac).toBe(lab.link("up0").address);
    for (const address of ["10.93.0.1", "fd00:93::1"]) expect(lab.pings(netns, address), address).toBe(true);
    add("ipvlan", { ipam: fixed("10.93.0.102/24") }, { netns: second, containerId: "c2" });
    expect(lab.pings(netns, "10.93.0.102")).toBe(true);
    done("ipvlan", "CHECK", { ipam, prevResult }, { netns });
    expect(refusal("ipvlan", "CHECK", { mode: "l3", ipam, prevResult }, { netns })).toEqual([
      104,
      "Container IPVlan mode l2 does not match expected value: l3",
    ]);
    lab.run("ip link set up0 down".split(" "));
    done("ipvlan", "DEL", { master: "nope0" }, { netns });
    expect(lab.linkNames(netns)).toEqual([]);
  });

  it("refuses another mode than that of running containers, which keep theirs", () => {
    const [first, second] = [lab.addNamespace("c1"), lab.addNamespace("c2")];
    add("ipvlan", { mode: "l3", flags: "private" }, { netns: first });
    const other = { netns: second, containerId: "c2" };
    const message = 'Cannot use mode l2 on master "up0": its ipvlan links have mode l3 with flags private';
    expect(refusal("ipvlan", "ADD", {}, other)).toEqual([7, message]);
    expect(refusal("ipvlan", "STATUS", {}, nobody)).toEqual([50, expect.stringContaining(message)]);
    done("ipvlan", "STATUS", { mode: "l3", flags: "private" }, nobody);
    expect(infoOf(first).info_data).toMatchObject({ mode: "l3" });
    expect([lab.linkNames(second), leases()]).toEqual([[], ["10.93.0.100"]]);
    done("ipvlan", "DEL", {}, { netns: first });
    add("ipvlan", { mode: "l3s" }, other);
    expect(infoOf(second).info_data).toMatchObject({ mode: "l3s" });
  });

  it("is refused on a port of a bridge, and beside macvlans by the kernel", () => {
    const netns = lab.addNamespace("c1");
    lab.run("ip link add br0 type bridge".split(" "));
    lab.run("ip link set up0 master br0".split(" "));
    expect(refusal("ipvlan", "ADD", {}, { netns })[1]).toContain('it is a port of bridge "br0"');
    lab.run("ip link set up0 nomaster".split(" "));
    lab.run("ip link add mac0 link up0 type macvlan mode bridge".split(" "));
    expect(refusal("ipvlan", "ADD", {}, { netns })).toEqual([107, expect.stringContaining("Device or resource busy")]);
    expect([lab.linkNames(netns), leases()]).toEqual([[], []]);
  });
});
