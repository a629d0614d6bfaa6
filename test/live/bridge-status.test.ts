import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab } from "../lab.ts";
import { traced } from "./masquerading.ts";

let lab: Lab;
let base: Readonly<Record<string, unknown>>;

beforeEach(() => {
  lab = new Lab();
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] };
  base = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipMasq: true, ipam };
});

afterEach(() => lab.dispose());

function call(config: unknown, more: Partial<Call> = {}): Call {
  return { command: "STATUS", config, containerId: "", ifname: "", ...more };
}

function refuse(config: unknown, more: Partial<Call> = {}) {
  const outcome = lab.plugin("bridge", call(config, more));
  expect(outcome.status).toBe(1);
  return JSON.parse(outcome.stdout);
}

const quiet = { status: 0, stdout: "", stderr: "" };

describe("bridge STATUS", () => {
  it("is well on a host that has nothing yet, and on one that has the bridge, and changes nothing", () => {
    expect(lab.plugin("bridge", call(base))).toMatchObject(quiet);
    expect(lab.ip("link show").map((link) => Object(link).ifname)).toEqual(["lo"]);
    expect(lab.run(["nft", "list", "ruleset"])).toBe("");
    expect(lab.leases("net1")).toEqual([]);
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    expect(lab.plugin("bridge", call(base))).toMatchObject(quiet);
  });

  it.each([{ ipMasqBackend: "nftables" }, { ipMasqBackend: "iptables" }, { ipam: {} }, { bridge: "br9", vlan: 0 }])(
    "is well with %j",
    (fields) => expect(lab.plugin("bridge", call({ ...base, ...fields }))).toMatchObject(quiet),
  );

  it("asks the kernel and the IPAM plugin, and starts nothing", () => {
    const { outcome, started } = traced(lab, "bridge", call({ ...base, ipMasqBackend: "iptables" }));
    expect(outcome).toMatchObject(quiet);
    expect(started).toEqual(["bridge"]);
  });

  it.each([
    ["lo", "a device"],
    ["in0", 'of kind "veth"'],
  ])("says that the bridge's name, %s, is taken", (name, what) => {
    lab.run(["ip", "link", "add", "in0", "type", "veth", "peer", "name", "in1"]);
    expect(refuse({ ...base, bridge: name })).toEqual({
      code: 50,
      msg: `Link "${name}" is ${what}, must be a bridge or free: rename or delete it, or set "bridge" to another name`,
    });
  });

  it.each([
    ["vlan", { vlan: 100 }, "vlan 100"],
    ["vlanTrunk", { vlanTrunk: [] }, "vlanTrunk []"],
  ])("says that the kernel's bridges cannot keep VLANs apart for %s, and makes none to find out", (_, fields, need) => {
    const isBare = () => expect(lab.ip("link show")).toHaveLength(1);
    const scratch = lab.addNamespace("scratch");
    const filters = lab.try(["ip", "link", "add", "x", "type", "bridge", "vlan_filtering", "1"], scratch).status === 0;
    // test/vm has the tests for a kernel that can.
    if (filters) expect(lab.plugin("bridge", call({ ...base, ...fields }))).toMatchObject(quiet);
    else {
      expect(refuse({ ...base, ...fields })).toEqual({
        code: 50,
        msg: `Cannot use ${need}: bridges of this kernel cannot filter VLANs, it needs CONFIG_BRIDGE_VLAN_FILTERING`,
      });
    }
    isBare();
  });

  it("says that the backend asked for is not there, and what to do, together with what else is wrong", () => {
    lab.run(["ip", "link", "add", "br0", "type", "veth", "peer", "name", "br1"]);
    const hide = `mount -t tmpfs none /usr/sbin; PATH=/nowhere exec "$@"`;
    const wrapper = ["unshare", "--mount", "sh", "-ec", hide, "sh"];
    expect(refuse({ ...base, ipMasqBackend: "iptables" }, { wrapper })).toEqual({
      code: 50,
      msg: 'Link "br0" is of kind "veth", must be a bridge or free: rename or delete it, or set "bridge" to another name; Cannot use ipMasqBackend "iptables": iptables-restore is neither in PATH nor in /usr/local/sbin, /usr/sbin, /sbin, /usr/local/bin, /usr/bin, /bin: install iptables',
    });
  });

  it("says that the IPAM plugin is missing", () => {
    expect(refuse({ ...base, ipam: { type: "nonesuch" } }, { environment: { CNI_PATH: "/nowhere" } })).toEqual({
      code: 50,
      msg: 'Cannot use the IPAM plugin: failed to find plugin "nonesuch" in path [/nowhere]',
      details: "install it in a folder of CNI_PATH, or set ipam.type to another",
    });
  });

  it("hands on what the IPAM plugin says", () => {
    const bin = path.join(lab.dir, "ipam");
    fs.mkdirSync(bin);
    const script = `#!/bin/sh\necho '{"code": 51, "msg": "nearly full", "details": "97 %"}'; exit 1\n`;
    fs.writeFileSync(path.join(bin, "full"), script, { mode: 0o755 });
    expect(refuse({ ...base, ipam: { type: "full" } }, { environment: { CNI_PATH: bin } })).toEqual({
      code: 51,
      msg: "nearly full",
      details: "97 %",
    });
  });

  it("refuses a configuration that no ADD could use", () => {
    expect(refuse({ ...base, mtu: -1 })).toMatchObject({ code: 7 });
  });
});

describe("bridge STATUS, of a network whose containers would be cut off", () => {
  /** A link that is not the bridge's, up. */
  function addOther(...addresses: readonly string[]): void {
    lab.run(["ip", "link", "add", "eth9", "type", "veth", "peer", "name", "eth8"]);
    for (const name of ["eth8", "eth9"]) lab.run(["ip", "link", "set", name, "up"]);
    for (const each of addresses)
      lab.run(
        ["ip", "address", "add", each, "dev", "eth9", "nodad"].filter((word) => each.includes(":") || word !== "nodad"),
      );
  }

  const withRanges = (...ranges: readonly object[]) => ({
    ...base,
    ipam: { type: "host-local", dataDir: lab.dataDir, ranges: ranges.map((range) => [range]) },
  });

  it.each([
    ["10.88.0.0/24", "10.88.0.1/32", "10.88.0.1"],
    ["10.88.0.0/24", "10.88.0.1/24", "10.88.0.1"],
    ["fd00:88::/64", "fd00:88::1/64", "fd00:88::1"],
  ])("says that another link has the gateway of %s: %s", (subnet, address, gateway) => {
    addOther(address);
    const msg = `Link "eth9" has the gateway's address ${gateway}: delete it there, or change "gateway"`;
    expect(refuse(withRanges({ subnet }))).toEqual({ code: 50, msg });
    expect(lab.plugin("bridge", call({ ...withRanges({ subnet }), isGateway: false }))).toMatchObject(quiet);
  });

  it.each([
    ["10.88.0.0/24", "10.88.0.9/24", "10.88.0.0/24"],
    ["10.88.0.0/24", "10.88.0.130/25", "10.88.0.128/25"],
    ["fd00:88::/64", "fd00:88::9/64", "fd00:88::/64"],
  ])("says that the host reaches %s through another link, which has %s", (subnet, address, taken) => {
    addOther(address);
    const msg = `The host reaches ${taken} through link "eth9", so it does not reach containers in ${subnet}: give the network another subnet`;
    expect(refuse(withRanges({ subnet }))).toEqual({ code: 50, msg });
  });

  it("leaves alone wider routes, those of one address, blackholes, and what its own bridge has", () => {
    addOther("10.7.0.1/24", "10.88.0.254/32");
    lab.run(["ip", "route", "add", "10.0.0.0/8", "dev", "eth9"]);
    lab.run(["ip", "route", "add", "10.88.0.200/32", "dev", "eth9"]);
    lab.run(["ip", "route", "add", "blackhole", "10.88.0.0/24", "metric", "9"]);
    expect(lab.plugin("bridge", call(base))).toMatchObject(quiet);
    const netns = lab.addNamespace("c1");
    const added = lab.plugin("bridge", { command: "ADD", config: base, netns });
    expect(added.status).toBe(0);
    expect(lab.plugin("bridge", call(base))).toMatchObject(quiet);
    expect(lab.plugin("bridge", call({ ...base, vlan: 0, forceAddress: true }))).toMatchObject(quiet);
  });

  it("says that the bridge has another network's address, unless it may be replaced", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.run(["ip", "address", "add", "10.99.0.1/16", "dev", "br0"]);
    expect(refuse(base)).toEqual({
      code: 50,
      msg: '"br0" already has an IP address different from 10.88.0.1/24 (found 10.99.0.1/16; set forceAddress to replace it)',
    });
    expect(lab.plugin("bridge", call({ ...base, forceAddress: true }))).toMatchObject(quiet);
    const both = withRanges({ subnet: "10.88.0.0/24" }, { subnet: "10.99.0.0/16" });
    expect(lab.plugin("bridge", call(both))).toMatchObject(quiet);
  });

  it("says that a gateway is outside its subnet, in either form of the configuration", () => {
    const range = { subnet: "10.88.0.0/24", gateway: "10.89.0.1" };
    const msg = `Gateway 10.89.0.1 is outside the subnet 10.88.0.0/24, so containers cannot reach it: correct "gateway"`;
    const legacy = { ...base, ipam: { type: "host-local", dataDir: lab.dataDir, ...range } };
    for (const config of [withRanges(range), legacy, { ...legacy, isGateway: false }])
      expect(refuse(config)).toEqual({ code: 50, msg });
  });

  it("reads no configuration of other IPAM plugins", () => {
    const ipam = { ...Object(base["ipam"]), type: "other" };
    const bin = path.join(lab.dir, "ipam");
    fs.mkdirSync(bin);
    fs.writeFileSync(path.join(bin, "other"), "#!/bin/sh\n", { mode: 0o755 });
    addOther("10.88.0.1/24");
    expect(lab.plugin("bridge", call({ ...base, ipam }, { environment: { CNI_PATH: bin } }))).toMatchObject(quiet);
  });
});
