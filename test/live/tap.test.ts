import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Call, Lab, type Outcome } from "../lab.ts";
import { addFullBridge, FULL } from "./full-bridge.ts";
import { errorOf } from "./traces.ts";

const MAC = "02:00:00:00:00:0a";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

const addressed = () => ({
  ipam: { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.88.0.0/24" }]] },
});

function run(command: string, fields: object = {}, more: Partial<Call> = {}): Outcome {
  const config = { cniVersion: "1.1.0", name: "net1", type: "tap", ...fields };
  return lab.plugin("tap", { command, config, netns, ifname: "net1", ...more });
}

function add(fields: object = {}, more: Partial<Call> = {}) {
  const { status, stdout, stderr } = run("ADD", fields, more);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** The tap as the kernel describes it; undefined where there is none of that name. */
function tap(name = "net1") {
  const found = lab.ip("-details link show", netns).find((each) => Object(each).ifname === name);
  if (found === undefined) return undefined;
  const { address, mtu, flags, master, linkinfo } = Object(found);
  return { address, mtu, up: flags.includes("UP"), master, kind: linkinfo.info_kind, ...linkinfo.info_data };
}

const quiet = { status: 0, stdout: "", stderr: "" };
const leases = () => lab.leases("net1").filter((name) => /^\d/.test(name));
/** Without packet information, with the header of virtio, and there when nobody uses it. */
const FRAMES = { kind: "tun", type: "tap", pi: false, vnet_hdr: true, persist: true };

describe("tap ADD", () => {
  it.each([
    [{}, { multi_queue: false, user: undefined, group: undefined }],
    [
      { owner: 54_321, group: 54_322 },
      { user: 54_321, group: 54_322 },
    ],
    [
      { owner: 0, group: 0 },
      { user: "root", group: "root" },
    ],
    [
      { multiQueue: true, group: 54_322 },
      { multi_queue: true, group: 54_322 },
    ],
    [{ owner: 4_000_000_000 }, { user: 4_000_000_000 }],
  ])("makes a tap with %j, whose frames look the same each time", (fields, expected) => {
    const { interfaces } = add({ ...fields, mtu: 1400, mac: MAC });
    expect(interfaces).toEqual([{ name: "net1", mac: MAC, mtu: 1400, sandbox: netns }]);
    const found = tap();
    expect(found).toMatchObject({ address: MAC, mtu: 1400, up: true, ...FRAMES });
    for (const [key, value] of Object.entries(expected)) expect(found?.[key], key).toEqual(value);
    expect(run("CHECK", { ...fields, prevResult: { cniVersion: "1.1.0", interfaces } })).toMatchObject(quiet);
    for (let i = 0; i < 2; i++) {
      expect(run("DEL", fields)).toMatchObject(quiet);
      expect(tap()).toBeUndefined();
    }
  });

  it("gives it IPAM's addresses, and takes the MAC that the runtime asks for first", () => {
    const macs = { mac: "02:00:00:00:00:01", runtimeConfig: { mac: MAC } };
    const result = add({ ...addressed(), ...macs }, { args: "IgnoreUnknown=1;MAC=02:00:00:00:00:02" });
    expect(result).toMatchObject({ interfaces: [{ mac: MAC }], ips: [{ address: "10.88.0.2/24", interface: 0 }] });
    expect(run("CHECK", { ...addressed(), prevResult: { cniVersion: "1.1.0", ...result } })).toMatchObject(quiet);
    expect(run("DEL", { ...addressed(), mac: "broken", prevResult: 5 }, { args: "X=Y" })).toMatchObject(quiet);
    expect(leases()).toEqual([]);
  });

  it("makes it a port of a bridge in the container, and CHECK sees when it is none any more", () => {
    lab.run(["ip", "link", "add", "br1", "type", "bridge"], netns);
    const { interfaces } = add({ bridge: "br1" });
    expect(tap()).toMatchObject({ master: "br1", up: true });
    const prevResult = { cniVersion: "1.1.0", interfaces };
    lab.run(["ip", "link", "set", "net1", "nomaster"], netns);
    expect(errorOf(run("CHECK", { bridge: "br1", prevResult }))).toMatchObject({
      code: 104,
      msg: 'Interface "net1" is not a port of bridge "br1"',
    });
    expect(run("DEL", { bridge: "gone" })).toMatchObject(quiet);
    expect(tap()).toBeUndefined();
  });

  it("is refused by a bridge with as many ports as the kernel allows, and leaves nothing", () => {
    addFullBridge(lab, "br0", netns);
    expect(errorOf(run("ADD", { bridge: "br0" }))).toEqual(FULL);
    expect(lab.try(["ip", "link", "show", "dev", "net1"], netns).status).toBe(1);
  });

  it.each([
    [{ bridge: "br9" }, 106, /has no link of that name/],
    [{ bridge: "lo" }, 106, /has a device of that name/],
    [{ bridge: "a/b" }, 7, /Cannot use bridge/],
    [{ mac: "zz" }, 7, /mac/],
    [{ mtu: 20 }, 107, /mtu/],
    [{ owner: -1 }, 7, /owner/],
    [{ owner: 4_294_967_295 }, 7, /owner/],
    [{ selinuxContext: "a b" }, 7, /must be a context/],
    [{ selinuxContext: "system_u:system_r:container_t:s0" }, 2, /^failed set socket label: /],
    [{ args: "text" }, 7, /args/],
  ])("refuses %j and leaves nothing", (fields, code, message) => {
    expect(errorOf(run("ADD", { ...addressed(), ...fields }))).toMatchObject({
      code,
      msg: expect.stringMatching(message),
    });
    expect(lab.ip("link show", netns)).toHaveLength(1);
    expect(leases()).toEqual([]);
  });

  it.each(["ifb", "tap"])("refuses the name of a link that the container has, a %s, and leaves that alone", (kind) => {
    const make =
      kind === "tap" ? ["ip", "tuntap", "add", "net1", "mode", "tap"] : ["ip", "link", "add", "net1", "type", kind];
    lab.run(make, netns);
    const before = lab.ip("link show dev net1", netns);
    expect(errorOf(run("ADD", addressed())).code).toBe(105);
    expect(lab.ip("link show dev net1", netns)).toEqual(before);
    expect(leases()).toEqual([]);
  });

  it("has a program with the label make the tap where selinuxContext is set, with the same frames, MAC and MTU", () => {
    const [label, seen] = [path.join(lab.dir, "label"), path.join(lab.dir, "seen")];
    fs.writeFileSync(label, "");
    // A tool that writes down with which label it would start.
    const ip = lab.run(["sh", "-c", "command -v ip"]).trim();
    fs.writeFileSync(path.join(lab.dir, "ip"), `#!/bin/sh\ncat ${label} > ${seen}\nexec ${ip} "$@"\n`, { mode: 0o755 });
    const script = 'mount --bind "$0" /proc/$$/task/$$/attr/exec; exec "$@"';
    const wrapper = ["unshare", "--mount", "sh", "-ec", script, label];
    const environment = { PATH: `${lab.dir}:${process.env["PATH"]}` };
    const selinuxContext = "system_u:system_r:container_t:s0";
    add({ selinuxContext, multiQueue: true, owner: 54_321, mtu: 1400, mac: MAC }, { wrapper, environment });
    expect(fs.readFileSync(seen, "utf8")).toBe(selinuxContext);
    expect(fs.readFileSync(label, "utf8")).toBe("");
    expect(tap()).toMatchObject({ address: MAC, mtu: 1400, multi_queue: true, user: 54_321, ...FRAMES });
  });

  it("takes the tap away again if IPAM or a route fails", () => {
    const routes = [{ dst: "10.9.0.0/16", gw: "10.10.0.1" }];
    const ipam = { ...addressed().ipam, routes };
    expect(errorOf(run("ADD", { ipam })).code).toBe(107);
    expect(lab.ip("link show", netns)).toHaveLength(1);
    expect(leases()).toEqual([]);
  });
});

describe("tap DEL, CHECK and STATUS", () => {
  it.each(["", "/run/netns/gone"])("DEL releases the lease without a namespace, with the path %j", (given) => {
    add(addressed());
    lab.deleteNamespace(netns);
    expect(run("DEL", addressed(), { netns: given })).toMatchObject(quiet);
    expect(leases()).toEqual([]);
  });

  it("DEL finds the tap after the container has renamed it", () => {
    add();
    lab.run(["ip", "link", "set", "net1", "down"], netns);
    lab.run(["ip", "link", "set", "net1", "name", "other"], netns);
    expect(run("DEL")).toMatchObject(quiet);
    expect(lab.ip("link show", netns)).toHaveLength(1);
  });

  it("CHECK says that the tap is missing", () => {
    const { interfaces } = add();
    lab.run(["ip", "link", "del", "net1"], netns);
    const refusal = errorOf(run("CHECK", { prevResult: { cniVersion: "1.1.0", interfaces } }));
    expect(refusal).toMatchObject({ code: 104, msg: `Interface "net1" in ${netns} is missing` });
  });

  it("STATUS and GC are well, and STATUS says when /dev/net/tun is missing", () => {
    const none = { containerId: "", ifname: "", netns: "" };
    expect(run("STATUS", {}, none)).toMatchObject(quiet);
    expect(run("GC", { ...addressed(), "cni.dev/valid-attachments": [] }, none)).toMatchObject(quiet);
    const wrapper = ["unshare", "--mount", "sh", "-ec", 'mount -t tmpfs none /dev/net; exec "$@"', "sh"];
    expect(errorOf(run("STATUS", {}, { ...none, wrapper }))).toEqual({
      code: 50,
      msg: 'The host has no /dev/net/tun: load its module, "modprobe tun"',
    });
    expect(errorOf(run("ADD", {}, { wrapper }))).toMatchObject({ code: 107 });
  });
});
