import { type ChildProcess, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome, sleep } from "../lab.ts";
import { errorOf } from "./traces.ts";

const MAC = "02:00:00:00:00:0a";

let lab: Lab;
let netns: string;
let dataDir: string;
let holder: ChildProcess | undefined;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  dataDir = path.join(lab.dir, "host-device");
  lab.run(["ip", "link", "add", "card0", "address", MAC, "mtu", "1400", "type", "veth", "peer", "name", "far0"]);
  lab.run(["ip", "link", "set", "card0", "up", "alias", "the card"]);
  lab.run(["ip", "link", "set", "far0", "up"]);
  lab.run(["ip", "address", "add", "192.0.2.5/24", "dev", "card0"]);
});

afterEach(() => {
  holder?.kill();
  holder = undefined;
  lab.dispose();
});

const addressed = () => ({
  ipam: { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] },
});

function config(fields: object = {}) {
  return { cniVersion: "1.1.0", name: "net1", type: "host-device", dataDir, device: "card0", ...fields };
}

function run(command: string, fields: object = {}, more: Partial<Call> = {}): Outcome {
  return lab.plugin("host-device", { command, config: config(fields), netns, ifname: "net1", ...more });
}

function add(fields: object = {}, more: Partial<Call> = {}) {
  const { status, stdout, stderr } = run("ADD", fields, more);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** A link as the tests look at it; undefined where there is none of that name. */
function link(name: string, where = lab.host) {
  const found = lab.ip("link show", where).find((each) => Object(each).ifname === name);
  if (found === undefined) return undefined;
  const { address, mtu, flags, ifalias } = Object(found);
  return { address, mtu, up: flags.includes("UP"), alias: ifalias };
}

const addressesOf = (name: string, where = lab.host) =>
  lab
    .ip(`address show dev ${name}`, where)
    .flatMap((each) => Object(each).addr_info)
    .filter(({ scope }) => scope === "global")
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);

const records = () => (fs.existsSync(dataDir) ? fs.readdirSync(dataDir) : []);

const quiet = { status: 0, stdout: "", stderr: "" };
const asBefore = { address: MAC, mtu: 1400, up: true, alias: "the card" };

/** Expects that the host has the device as it was, and that nothing else is left. */
function expectReturned() {
  expect(link("card0")).toEqual(asBefore);
  expect({ records: records(), leases: lab.leases("net1").filter((name) => /^\d/.test(name)) }).toEqual({
    records: [],
    leases: [],
  });
}

/** What the kernel does with hardware whose namespace ends: it is on the host again under its name inside, with its alias, down. */
function endSandbox(name = "net1") {
  lab.run(["ip", "link", "set", name, "netns", path.basename(lab.host)], netns);
  lab.deleteNamespace(netns);
}

describe("host-device ADD", () => {
  it("moves the device in under its new name, up, and DEL gives it back as it was, twice", () => {
    const { interfaces, ips } = add();
    expect({ interfaces, ips }).toEqual({
      interfaces: [{ name: "net1", mac: MAC, mtu: 1400, sandbox: netns }],
      ips: undefined,
    });
    expect(link("card0")).toBeUndefined();
    expect(link("net1", netns)).toEqual({ address: MAC, mtu: 1400, up: true, alias: "card0" });
    expect(run("CHECK", { prevResult: { cniVersion: "1.1.0", interfaces } })).toEqual(expect.objectContaining(quiet));
    for (let i = 0; i < 2; i++) {
      expect(run("DEL")).toMatchObject(quiet);
      expectReturned();
    }
    expect(addressesOf("card0")).toEqual([]);
  });

  it("keeps a record that root alone can read, in a folder that root alone can use", () => {
    add();
    const [name = ""] = records();
    expect([dataDir, path.join(dataDir, name)].map((file) => fs.statSync(file).mode & 0o777)).toEqual([0o700, 0o600]);
    const record = JSON.parse(fs.readFileSync(path.join(dataDir, name), "utf8"));
    expect(record).toMatchObject({
      network: "net1",
      containerId: "c1",
      ifname: "net1",
      netns,
      name: "card0",
      mtu: 1400,
    });
    expect(record).toMatchObject({ up: true, alias: "the card", addresses: ["192.0.2.5/24"] });
  });

  it("refuses a folder of records that others may write to, and moves nothing", () => {
    fs.mkdirSync(dataDir);
    fs.chmodSync(dataDir, 0o777);
    expect(errorOf(run("ADD"))).toMatchObject({ code: 5, details: expect.stringContaining("chmod go-w") });
    expect(link("card0")).toEqual(asBefore);
    expect(addressesOf("card0")).toEqual(["192.0.2.5/24"]);
  });

  it("gives the container IPAM's addresses, and DEL the host its own where the configuration asks for that", () => {
    const { ips } = add({ ...addressed(), restoreAddresses: true });
    expect(ips).toEqual([{ address: "10.88.0.2/24", gateway: "10.88.0.1", interface: 0 }]);
    expect(addressesOf("net1", netns)).toEqual(["10.88.0.2/24"]);
    expect(run("DEL", addressed())).toMatchObject(quiet);
    expectReturned();
    expect(addressesOf("card0")).toEqual(["192.0.2.5/24"]);
  });

  it.each(["macvlan", "ifb"])("moves a %s", (kind) => {
    const below = kind === "macvlan" ? ["link", "far0"] : [];
    lab.run(["ip", "link", "add", ...below, "name", "other0", "type", kind]);
    const before = link("other0");
    const { interfaces } = add({ device: "other0" });
    expect(run("CHECK", { device: "other0", prevResult: { cniVersion: "1.1.0", interfaces } })).toMatchObject(quiet);
    expect(link("net1", netns)).toMatchObject({ address: before?.address, alias: "other0" });
    expect(run("DEL", { device: "other0" })).toMatchObject(quiet);
    expect(link("other0")).toEqual(before);
  });

  it("finds the device by its MAC", () => {
    add({ device: undefined, hwaddr: MAC.toUpperCase() });
    expect(link("net1", netns)).toMatchObject({ address: MAC, alias: "card0" });
  });

  it("moves the device where the container has another link of its name on the host, and back", () => {
    lab.run(["ip", "link", "add", "card0", "type", "ifb"], netns);
    lab.run(["ip", "link", "set", "card0", "up"], netns);
    const other = link("card0", netns);
    add();
    expect(link("net1", netns)).toMatchObject({ address: MAC, alias: "card0" });
    expect(run("DEL")).toMatchObject(quiet);
    expectReturned();
    expect(link("card0", netns)).toEqual(other);
  });

  it("refuses what the host needs, before IPAM gives an address", () => {
    lab.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
    expect(errorOf(run("ADD", addressed()))).toEqual({
      code: 7,
      msg: 'Cannot move link "card0" into a container: the host\'s default route of IPv4 goes through it',
      details: "name another device",
    });
    lab.run(["ip", "route", "del", "default"]);
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.run(["ip", "link", "set", "card0", "master", "br0"]);
    const refusal = errorOf(run("ADD", addressed()));
    expect(refusal).toMatchObject({ code: 7, msg: expect.stringContaining('it is a port of bridge "br0"') });
    expectReturned();
  });

  it.each([
    [{ device: "card9" }, 2, 'Cannot find the device: the host has no link "card9"'],
    [{ device: "" }, 7, 'specify either "device", "hwaddr", "kernelpath" or "pciBusID"'],
    [{ device: "a/b" }, 7, 'Cannot use device "a/b": interface name contains / or : or whitespace characters'],
    [{ device: "", hwaddr: "zz" }, 7, /hwaddr/],
    [{ device: "", pciBusID: "../../class/net" }, 7, /must be a PCI address/],
    [{ device: "", pciBusID: "0000:ff:1f.7" }, 2, "Cannot use PCI device 0000:ff:1f.7: the host has no such device"],
    [
      { device: "", kernelpath: "/opt/x" },
      7,
      'kernel device path "/opt/x" must be absolute and begin with /sys/devices/',
    ],
    [{ device: "", kernelpath: "/sys/devices/../../etc" }, 7, /must be absolute and begin with/],
    [{ device: "", kernelpath: "/sys/devices/none" }, 2, /the host has no link below/],
    [{ runtimeConfig: { deviceID: "../x" } }, 7, "runtime config DeviceID ../x not found or unsupported"],
    [{ device: "lo" }, 7, 'Cannot move link "lo" into a container: each network namespace has its own'],
  ])("refuses %j and changes nothing", (fields, code, message) => {
    const refusal = errorOf(run("ADD", { ...addressed(), ...fields }));
    expect(refusal).toMatchObject({
      code,
      msg: typeof message === "string" ? message : expect.stringMatching(message),
    });
    expectReturned();
  });

  it("refuses an interface that the container has, and the device of another container", () => {
    lab.run(["ip", "link", "add", "net1", "type", "ifb"], netns);
    expect(errorOf(run("ADD", addressed())).code).toBe(105);
    lab.run(["ip", "link", "del", "net1"], netns);
    add();
    const other = { containerId: "c2", netns: lab.addNamespace("c2") };
    expect(errorOf(run("ADD", {}, other))).toEqual({
      code: 11,
      msg: 'Cannot use the device: net1 of container c1 (network "net1") has the link "card0"',
    });
    expect(run("DEL", {}, other)).toMatchObject(quiet);
    expect(link("net1", netns)).toMatchObject({ alias: "card0" });
  });

  it("refuses 0.2.0 without IPAM before it moves anything", () => {
    const text = "cannot convert: no valid IP addresses";
    expect(errorOf(run("ADD", { cniVersion: "0.2.0" }))).toMatchObject({ code: 7, msg: text });
    expectReturned();
  });
});

describe("host-device DEL", () => {
  it("needs neither configuration nor prevResult nor the interface's name", () => {
    add(addressed());
    lab.run(["ip", "link", "set", "net1", "down"], netns);
    lab.run(["ip", "link", "set", "net1", "name", "renamed", "mtu", "1300"], netns);
    const broken = { device: 5, hwaddr: "zz", pciBusID: {}, prevResult: "broken" };
    expect(run("DEL", { ...addressed(), ...broken })).toMatchObject(quiet);
    expectReturned();
  });

  it("leaves a link of the container's alone that has the device's index", () => {
    const { ifindex } = Object(lab.ip("link show dev card0")[0]);
    const name = "same0";
    lab.run(["ip", "link", "add", "index", `${ifindex}`, "name", name, "type", "veth", "peer", "name", "same1"], netns);
    const before = link(name, netns);
    add();
    expect(run("DEL")).toMatchObject(quiet);
    expectReturned();
    lab.run(["ip", "link", "add", "net1", "type", "ifb"], netns);
    expect(errorOf(run("ADD")).code).toBe(105);
    expect(run("DEL")).toMatchObject(quiet);
    expect(link(name, netns)).toEqual(before);
    expectReturned();
  });

  it("finds a device whose alias the container has taken away, too", () => {
    add();
    lab.run(["ip", "link", "set", "net1", "down"], netns);
    lab.run(["ip", "link", "set", "net1", "name", "renamed", "alias", ""], netns);
    expect(run("DEL")).toMatchObject(quiet);
    expectReturned();
  });

  it("finds the device in another namespace than the container's", () => {
    add();
    const inner = lab.addNamespace("inner");
    lab.run(["ip", "link", "set", "net1", "netns", path.basename(inner)], netns);
    expect(run("DEL")).toMatchObject(quiet);
    expectReturned();
  });

  it("finds the device in a namespace that has no path any more but a process", () => {
    add(addressed());
    holder = spawn("nsenter", [`--net=${netns}`, "--", "sleep", "600"]);
    const inode = fs.statSync(netns).ino;
    while (fs.statSync(`/proc/${holder.pid}/ns/net`).ino !== inode) sleep(10);
    lab.deleteNamespace(netns);
    expect(run("DEL", addressed(), { netns: "" })).toMatchObject(quiet);
    expectReturned();
  });

  it.each(["", "the former path"])(
    "gives a device its name back that came back without DEL, with the path %j",
    (given) => {
      add(addressed());
      endSandbox();
      expect(link("net1")).toMatchObject({ up: false, alias: "card0" });
      expect(run("DEL", addressed(), { netns: given === "" ? "" : netns })).toMatchObject(quiet);
      expectReturned();
    },
  );

  it("releases the lease of a virtual link that ended with its namespace, and forgets it", () => {
    add(addressed());
    lab.deleteNamespace(netns);
    expect(run("DEL", addressed())).toMatchObject(quiet);
    expect(records()).toEqual([]);
    expect(lab.leases("net1").filter((name) => /^\d/.test(name))).toEqual([]);
  });

  it("after a reboot has neither record nor namespace, releases the lease and leaves the device alone", () => {
    const { interfaces } = add(addressed());
    endSandbox();
    fs.rmSync(dataDir, { recursive: true });
    // The host names the device as it does at each boot.
    lab.run(["ip", "link", "set", "net1", "name", "card0", "alias", ""]);
    const found = link("card0");
    const prevResult = { cniVersion: "1.1.0", interfaces };
    for (const given of [netns, ""])
      expect(run("DEL", { ...addressed(), prevResult }, { netns: given })).toMatchObject(quiet);
    expect([link("card0"), records()]).toEqual([found, []]);
    expect(lab.leases("net1").filter((name) => /^\d/.test(name))).toEqual([]);
  });

  it("leaves the device in the container, up and with its lease, while the host has another link of its name", () => {
    add(addressed());
    lab.run(["ip", "link", "add", "card0", "type", "ifb"]);
    expect(errorOf(run("DEL", addressed()))).toMatchObject({
      code: 105,
      msg: 'Cannot give link "net1" back as "card0": the host has another link of that name',
    });
    expect(link("net1", netns)).toMatchObject({ up: true, alias: "card0" });
    expect(lab.leases("net1")).toContain("10.88.0.2");
    lab.run(["ip", "link", "del", "card0"]);
    expect(run("DEL", addressed())).toMatchObject(quiet);
    expectReturned();
  });

  it("leaves a device alone that somebody else gave back", () => {
    add();
    lab.run(["ip", "link", "set", "net1", "down"], netns);
    lab.run(["ip", "link", "set", "net1", "netns", path.basename(lab.host), "name", "card0", "alias", "theirs"], netns);
    expect(run("DEL")).toMatchObject(quiet);
    expect(link("card0")).toMatchObject({ up: false, alias: "theirs" });
    expect(records()).toEqual([]);
  });

  it("leaves an interface of another plugin's alone", () => {
    lab.run(["ip", "link", "add", "net1", "type", "ifb"], netns);
    lab.run(["ip", "link", "set", "net1", "alias", "an interface: of others"], netns);
    expect(run("DEL")).toMatchObject(quiet);
    expect(link("net1", netns)).toMatchObject({ alias: "an interface: of others" });
  });

  it("forgets a record that cannot be read, and says so", () => {
    const prevResult = add();
    const [name = ""] = records();
    fs.writeFileSync(path.join(dataDir, name), "{");
    const { status, stderr } = run("DEL", { prevResult });
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining("Cannot read the record") });
    expect(link("card0")).toMatchObject({ address: MAC });
  });
});

describe("host-device after a container that ended without DEL", () => {
  it("ADD by name finds the device, and the DELs of both containers leave it as it was", () => {
    add();
    endSandbox();
    const second = { containerId: "c2", netns: lab.addNamespace("c2") };
    add({}, second);
    expect(link("net1", second.netns)).toMatchObject({ address: MAC, alias: "card0", up: true });
    expect(run("DEL", {}, { netns: "" })).toMatchObject(quiet);
    expect(link("net1", second.netns)).toMatchObject({ up: true });
    expect(run("DEL", {}, second)).toMatchObject(quiet);
    expectReturned();
  });

  it("an ADD that fails gives the device its name back", () => {
    add();
    endSandbox();
    const second = { containerId: "c2", netns: lab.addNamespace("c2") };
    const missing = {
      ipam: {
        type: "host-local",
        dataDir: lab.dataDir,
        ranges: [[{ subnet: "10.88.0.0/24" }]],
        routes: [{ dst: "10.9.0.0/16", gw: "10.10.0.1" }],
      },
    };
    expect(errorOf(run("ADD", missing, second)).code).toBe(107);
    expect(link("card0")).toEqual(asBefore);
    expect(run("DEL", {}, { netns: "" })).toMatchObject(quiet);
    expectReturned();
  });

  it("ADD by MAC finds the device", () => {
    add();
    endSandbox();
    netns = lab.addNamespace("c2");
    add({ device: undefined, hwaddr: MAC }, { containerId: "c2" });
    expect(link("net1", netns)).toMatchObject({ alias: "card0" });
    expect(run("DEL", {}, { containerId: "c2" })).toMatchObject(quiet);
    expect(link("card0")).toEqual(asBefore);
  });

  it("GC gives the device back, and leaves those of valid attachments and of other networks", () => {
    add();
    const gc = (valid: object, name = "net1") =>
      run("GC", { name, "cni.dev/valid-attachments": valid }, { containerId: "", ifname: "", netns: "" });
    expect(gc([{ containerID: "c1", ifname: "net1" }])).toMatchObject(quiet);
    expect(gc([], "net2")).toMatchObject(quiet);
    expect(link("card0")).toBeUndefined();
    expect(gc([])).toMatchObject(quiet);
    expectReturned();
  });
});

describe("host-device with devices of /sys", () => {
  const PCI = "0000:3b:00.1";

  /** Gives the plugin a /sys of its own with a tree of files and links. */
  function withSys(tree: Readonly<Record<string, string>>) {
    const folder = path.join(lab.dir, "sys");
    for (const [name, target] of Object.entries(tree)) {
      const file = path.join(folder, name);
      fs.mkdirSync(target === "" ? file : path.dirname(file), { recursive: true });
      if (target !== "") fs.symlinkSync(target, file);
    }
    return { wrapper: ["unshare", "--mount", "sh", "-ec", 'mount --rbind "$0" /sys; exec "$@"', folder] };
  }

  const bound = (driver: string, more: Readonly<Record<string, string>> = {}) =>
    withSys({ [`bus/pci/devices/${PCI}/driver`]: `../../drivers/${driver}`, ...more });

  it.each(["net/card0", "virtio0/net/card0"])("finds a PCI device's link in %s, and reports the device", (place) => {
    const sys = bound("ixgbevf", { [`bus/pci/devices/${PCI}/${place}`]: "" });
    const { interfaces } = add({ device: undefined, pciBusID: PCI }, sys);
    expect(interfaces).toEqual([{ name: "net1", mac: MAC, mtu: 1400, sandbox: netns, pciID: PCI }]);
    expect(run("DEL")).toMatchObject(quiet);
    expectReturned();
  });

  it("takes the runtime's device before the configuration's", () => {
    lab.run(["ip", "link", "add", "other0", "type", "ifb"]);
    const sys = bound("ixgbevf", { [`bus/pci/devices/${PCI}/net/card0`]: "" });
    add({ device: "other0", pciBusID: "0000:00:00.0", runtimeConfig: { deviceID: PCI } }, sys);
    expect(link("net1", netns)).toMatchObject({ alias: "card0" });
  });

  it("takes a device of either bus as multus writes it, and logs nothing", () => {
    const auxiliary = "mlx5_core.sf.4";
    const sys = bound("ixgbevf", {
      [`bus/pci/devices/${PCI}/net/card0`]: "",
      [`bus/auxiliary/devices/${auxiliary}/net/card0`]: "",
    });
    for (const id of [PCI, auxiliary]) {
      add({ device: undefined, deviceID: id, pciBusID: id }, sys);
      expect(link("net1", netns)).toMatchObject({ alias: "card0" });
      expect(run("DEL", { device: undefined, deviceID: id, pciBusID: id }, sys)).toMatchObject(quiet);
      expectReturned();
    }
  });

  it("finds the link of a device on the auxiliary bus, and of a path", () => {
    const sys = withSys({
      "bus/auxiliary/devices/mlx5_core.sf.4/net/card0": "",
      "devices/pci0000:00/0000:00:03.0/net/card0": "",
      "devices/out": "../bus",
    });
    add({ device: undefined, runtimeConfig: { deviceID: "mlx5_core.sf.4" } }, sys);
    expect(run("DEL", {}, sys)).toMatchObject(quiet);
    add({ device: undefined, kernelpath: "/sys/devices/pci0000:00/0000:00:03.0" }, sys);
    expect(run("DEL", {}, sys)).toMatchObject(quiet);
    const outside = { device: undefined, kernelpath: "/sys/devices/out/auxiliary/devices/mlx5_core.sf.4" };
    expect(errorOf(run("ADD", outside, sys))).toMatchObject({ code: 2 });
    expectReturned();
  });

  it.each(["vfio-pci", "uio_pci_generic", "igb_uio"])("leaves a device with the driver %s to its program", (driver) => {
    const sys = bound(driver);
    const fields = { device: undefined, pciBusID: PCI, ...addressed() };
    const result = add(fields, sys);
    expect(result).toMatchObject({
      interfaces: [{ name: "net1", sandbox: netns, pciID: PCI }],
      ips: [{ address: "10.88.0.2/24", interface: 0 }],
    });
    expect(lab.ip("link show", netns)).toHaveLength(1);
    expect(run("CHECK", { ...fields, prevResult: { cniVersion: "1.1.0", ...result } }, sys)).toMatchObject(quiet);
    expect(run("DEL", fields)).toMatchObject(quiet);
    expectReturned();
  });

  it("refuses a PCI device without a driver", () => {
    const sys = withSys({ [`bus/pci/devices/${PCI}`]: "" });
    const refusal = { code: 2, msg: `Cannot use PCI device ${PCI}: no driver is bound to it` };
    expect(errorOf(run("ADD", { device: undefined, pciBusID: PCI }, sys))).toEqual(refusal);
  });
});

describe("host-device CHECK and STATUS", () => {
  it("CHECK says that the interface is another device, is missing, or lacks its address", () => {
    const { interfaces, ips } = add(addressed());
    const check = () => errorOf(run("CHECK", { ...addressed(), prevResult: { cniVersion: "1.1.0", interfaces, ips } }));
    lab.run(["ip", "address", "flush", "dev", "net1"], netns);
    expect(check()).toMatchObject({ code: 104, msg: expect.stringContaining("no address 10.88.0.2/24") });
    lab.run(["ip", "link", "set", "net1", "down"], netns);
    lab.run(["ip", "link", "set", "net1", "name", "away"], netns);
    expect(check()).toMatchObject({ code: 104, msg: expect.stringContaining("is missing") });
    lab.run(["ip", "link", "add", "net1", "type", "veth", "peer", "name", "net2"], netns);
    lab.run(["ip", "link", "set", "net1", "up"], netns);
    expect(check().msg).toContain('is not the device "card0" of the host');
  });

  it("STATUS is well while a container has the device, and says what is missing or needed", () => {
    const status = (fields: object = {}) => run("STATUS", fields, { containerId: "", ifname: "", netns: "" });
    expect(status()).toMatchObject(quiet);
    expect(status({ device: undefined, capabilities: { deviceID: true } })).toMatchObject(quiet);
    expect(errorOf(status({ device: "card9" }))).toEqual({ code: 50, msg: 'The host has no link "card9"' });
    lab.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
    expect(errorOf(status())).toMatchObject({ code: 50, msg: expect.stringContaining("default route") });
    lab.run(["ip", "route", "del", "default"]);
    add();
    expect(status()).toMatchObject(quiet);
  });
});
