import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { add } from "../../../plugins/host-local/add.ts";
import { del } from "../../../plugins/host-local/del.ts";
import { createRequest, type Request } from "../../../src/cni/request.ts";
import { SPEC_VERSIONS, type SpecVersion } from "../../../src/cni/version.ts";
import { config, hostLocal, type Outcome, temporaryFolder } from "./host-local.ts";
import { reboot } from "./stage.ts";

/** The addresses of a printed result, in whichever shape its version has. */
function addresses({ json }: Outcome): string[] {
  if (json.ips !== undefined) return json.ips.map((ip: { address: string }) => ip.address);
  return [json.ip4, json.ip6].filter((ip) => ip !== undefined).map((ip) => ip.ip);
}

function files(folder: string): Record<string, string> {
  const names = fs.readdirSync(folder).filter((name) => name !== ".state");
  return Object.fromEntries(names.sort().map((name) => [name, fs.readFileSync(path.join(folder, name), "utf8")]));
}

const hasOneAddressPerFamily = (version: string) => version === "0.1.0" || version === "0.2.0";

describe.each(SPEC_VERSIONS.map((version) => [version] as const))("[%s] host-local", (version: SpecVersion) => {
  test("H1: ADD takes an address from each set, and DEL gives both back", () => {
    const dataDir = temporaryFolder();
    fs.writeFileSync(path.join(dataDir, "resolv.conf"), "nameserver 192.0.2.3");
    const input = config(version, dataDir, {
      ipam: {
        resolvConf: path.join(dataDir, "resolv.conf"),
        ranges: [[{ subnet: "10.1.2.0/24" }, { subnet: "10.2.2.0/24" }], [{ subnet: "2001:db8:1::0/64" }]],
        routes: [
          { dst: "0.0.0.0/0" },
          { dst: "::/0" },
          { dst: "192.168.0.0/16", gw: "1.1.1.1" },
          { dst: "2001:db8:2::0/64", gw: "2001:db8:3::1" },
        ],
      },
    });
    const added = hostLocal("ADD", input);
    expect(added).toMatchObject({ status: 0, stderr: "" });
    expect(addresses(added)).toEqual(["10.1.2.2/24", "2001:db8:1::2/64"]);
    expect(added.json.dns).toEqual({ nameservers: ["192.0.2.3"] });
    expect(added.stdout).toContain('"gateway": "10.1.2.1"');
    expect(added.stdout).toContain('"gateway": "2001:db8:1::1"');
    for (const text of [
      '"0.0.0.0/0"',
      '"::/0"',
      '"192.168.0.0/16"',
      '"1.1.1.1"',
      '"2001:db8:2::/64"',
      '"2001:db8:3::1"',
    ]) {
      expect(added.stdout).toContain(text);
    }
    expect(added.stdout.includes('"version":')).toBe(["0.3.0", "0.3.1", "0.4.0"].includes(version));
    expect(files(path.join(dataDir, "mynet"))).toEqual({
      "10.1.2.2": "dummy\r\neth0",
      "2001:db8:1::2": "dummy\r\neth0",
      "last_reserved_ip.0": "10.1.2.2",
      "last_reserved_ip.1": "2001:db8:1::2",
    });
    expect(hostLocal("DEL", input)).toMatchObject({ status: 0, stdout: "" });
    expect(Object.keys(files(path.join(dataDir, "mynet")))).toEqual(["last_reserved_ip.0", "last_reserved_ip.1"]);
  });

  test("H2: DEL of one interface leaves the container's other one", () => {
    const dataDir = temporaryFolder();
    const inputs = [0, 1].map((n) =>
      config(version, dataDir, { name: `mynet${n}`, ipam: { ranges: [[{ subnet: `10.${n + 1}.2.0/24` }]] } }),
    );
    expect(hostLocal("ADD", inputs[0], { ifname: "eth0" }).status).toBe(0);
    expect(hostLocal("ADD", inputs[1], { ifname: "eth1" }).status).toBe(0);
    expect(files(path.join(dataDir, "mynet0"))).toMatchObject({ "10.1.2.2": "dummy\r\neth0" });
    expect(files(path.join(dataDir, "mynet1"))).toMatchObject({ "10.2.2.2": "dummy\r\neth1" });
    expect(hostLocal("DEL", inputs[0], { ifname: "eth0" }).status).toBe(0);
    expect(Object.keys(files(path.join(dataDir, "mynet0")))).toEqual(["last_reserved_ip.0"]);
    expect(files(path.join(dataDir, "mynet1"))).toMatchObject({ "10.2.2.2": "dummy\r\neth1" });
    expect(hostLocal("DEL", inputs[1], { ifname: "eth1" }).status).toBe(0);
    expect(Object.keys(files(path.join(dataDir, "mynet1")))).toEqual(["last_reserved_ip.0"]);
  });

  test("H3: a second ADD for one interface fails, also after another container's", () => {
    const dataDir = temporaryFolder();
    const input = config(version, dataDir, { ipam: { ranges: [[{ subnet: "10.1.2.0/24" }]] } });
    const refused = {
      code: 102,
      msg: "failed to allocate for range 0: 10.1.2.2 has been allocated to dummy, duplicate allocation is not allowed",
    };
    expect(addresses(hostLocal("ADD", input))).toEqual(["10.1.2.2/24"]);
    expect(hostLocal("ADD", input)).toMatchObject({ status: 1, json: refused });
    expect(addresses(hostLocal("ADD", input, { containerId: "dummy1" }))).toEqual(["10.1.2.3/24"]);
    expect(hostLocal("ADD", input)).toMatchObject({ status: 1, json: refused });
    expect(hostLocal("DEL", input).status).toBe(0);
    expect(Object.keys(files(path.join(dataDir, "mynet")))).toEqual(["10.1.2.3", "last_reserved_ip.0"]);
    expect(hostLocal("DEL", input, { containerId: "dummy1" }).status).toBe(0);
    expect(Object.keys(files(path.join(dataDir, "mynet")))).toEqual(["last_reserved_ip.0"]);
  });

  test("H4: DEL frees a lease that names the container alone", () => {
    const dataDir = temporaryFolder();
    const input = config(version, dataDir, { ipam: { ranges: [[{ subnet: "10.1.2.0/24" }]] } });
    expect(hostLocal("ADD", input).status).toBe(0);
    fs.writeFileSync(path.join(dataDir, "mynet", "10.1.2.2"), "dummy");
    expect(hostLocal("DEL", input).status).toBe(0);
    expect(Object.keys(files(path.join(dataDir, "mynet")))).toEqual(["last_reserved_ip.0"]);
  });

  test("H5: DEL of an unknown container succeeds, and makes no folder", () => {
    const dataDir = temporaryFolder();
    expect(hostLocal("DEL", config(version, dataDir, { ipam: { subnet: "10.1.2.0/24" } }))).toMatchObject({
      status: 0,
      stdout: "",
    });
    expect(fs.readdirSync(dataDir)).toEqual([]);
  });

  test("H6: a container id is stored without the white space around it, and found again", () => {
    const dataDir = temporaryFolder();
    const json = config(version, dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    const request: Request = createRequest("ADD", {
      network: { name: "mynet", json: { ...json } },
      version,
      stdin: Buffer.from(""),
      environment: { CNI_CONTAINERID: "   dummy\n ", CNI_IFNAME: "eth0" },
      log: () => {},
    });
    add(request);
    expect(files(path.join(dataDir, "mynet"))).toMatchObject({ "10.1.2.2": "dummy\r\neth0" });
    del(request);
    expect(Object.keys(files(path.join(dataDir, "mynet")))).toEqual(["last_reserved_ip.0"]);
  });

  test("H7: the first ADD of a network has nothing to say", () => {
    const input = config(version, temporaryFolder(), { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input)).toMatchObject({ status: 0, stderr: "" });
  });

  test("H8: gives the address that args asks for", () => {
    const input = config(version, temporaryFolder(), {
      ipam: { ranges: [[{ subnet: "10.1.2.0/24" }]] },
      args: { cni: { ips: ["10.1.2.88"] } },
    });
    expect(addresses(hostLocal("ADD", input))).toEqual(["10.1.2.88/24"]);
  });

  test("H9: gives two addresses from two IPv4 sets, where the version has room for them", () => {
    const dataDir = temporaryFolder();
    const input = config(version, dataDir, {
      ipam: { ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "10.1.3.0/24" }]] },
      args: { cni: { ips: ["10.1.2.88", "10.1.3.77"] } },
    });
    const added = hostLocal("ADD", input);
    if (hasOneAddressPerFamily(version)) {
      const msg = `CNI version ${version} does not support more than 1 address per family`;
      expect(added).toMatchObject({ status: 1, json: { code: 7, msg } });
      expect(fs.readdirSync(dataDir)).toEqual([]);
    } else {
      expect(addresses(added)).toEqual(["10.1.2.88/24", "10.1.3.77/24"]);
    }
    expect(hostLocal("DEL", input).status).toBe(0);
  });

  test("H10: gives an IPv4 address of a set's second range and an IPv6 one", () => {
    const input = config(version, temporaryFolder(), {
      ipam: { ranges: [[{ subnet: "172.16.1.0/24" }, { subnet: "10.1.2.0/24" }], [{ subnet: "2001:db8:1::/48" }]] },
      args: { cni: { ips: ["10.1.2.88", "2001:db8:1::999"] } },
    });
    expect(addresses(hostLocal("ADD", input))).toEqual(["10.1.2.88/24", "2001:db8:1::999/48"]);
  });

  test("H11: fails where a requested address finds no set, and leaves nothing", () => {
    const dataDir = temporaryFolder();
    const input = config(version, dataDir, {
      ipam: { ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "10.1.3.0/24" }]] },
      args: { cni: { ips: ["10.1.2.88", "10.1.2.77"] } },
    });
    const json = hasOneAddressPerFamily(version)
      ? { code: 7, msg: `CNI version ${version} does not support more than 1 address per family` }
      : { code: 101, msg: "failed to allocate all requested IPs: 10.1.2.77" };
    expect(hostLocal("ADD", input)).toMatchObject({ status: 1, json });
    expect(fs.readdirSync(dataDir)).toEqual([]);
  });
});

describe("ADD", () => {
  const small = { ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "10.9.0.0/30" }]] };

  test("gives back what it took when a later set is full", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: small });
    expect(addresses(hostLocal("ADD", input, { containerId: "first" }))).toEqual(["10.1.2.2/24", "10.9.0.2/30"]);
    expect(hostLocal("ADD", input, { containerId: "second" })).toMatchObject({
      status: 1,
      json: {
        code: 100,
        msg: "failed to allocate for range 1: no IP addresses available in range set: 10.9.0.1-10.9.0.2",
      },
    });
    expect(files(path.join(dataDir, "mynet"))).toEqual({
      "10.1.2.2": "first\r\neth0",
      "10.9.0.2": "first\r\neth0",
      "last_reserved_ip.0": "10.1.2.3",
      "last_reserved_ip.1": "10.9.0.2",
    });
  });

  test("refuses a second address also where one is asked for", () => {
    const input = config("1.1.0", temporaryFolder(), { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input).status).toBe(0);
    expect(hostLocal("ADD", input, { args: "IP=10.1.2.9" })).toMatchObject({
      status: 1,
      json: {
        code: 102,
        msg: "failed to allocate for range 0: 10.1.2.2 has been allocated to dummy, duplicate allocation is not allowed",
      },
    });
  });

  test("refuses an interface of a container whose lease names the container alone", () => {
    const dataDir = temporaryFolder();
    fs.mkdirSync(path.join(dataDir, "mynet"));
    fs.writeFileSync(path.join(dataDir, "mynet", "10.1.2.5"), "dummy\n");
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input)).toMatchObject({
      status: 1,
      json: {
        code: 102,
        msg: "failed to allocate for range 0: 10.1.2.5 has been allocated to dummy, duplicate allocation is not allowed",
      },
    });
  });

  test.each([
    [
      "taken, and names who has it",
      "IP=10.1.2.2",
      "requested IP address 10.1.2.2 is not available in range set 10.1.2.1-10.1.2.254",
      "10.1.2.2 is leased to container other, interface eth0",
    ],
    ["the gateway's", "IP=10.1.2.1", "requested ip 10.1.2.1 is subnet's gateway", undefined],
  ])("refuses an address that is %s", (_title, args, message, details) => {
    const input = config("1.1.0", temporaryFolder(), { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input, { containerId: "other" }).status).toBe(0);
    expect(hostLocal("ADD", input, { args })).toMatchObject({
      status: 1,
      json: { code: 101, msg: `failed to allocate for range 0: ${message}`, ...(details && { details }) },
    });
  });

  test("notes an address that was asked for as the last one", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input, { args: "IP=10.1.2.77" }).status).toBe(0);
    expect(addresses(hostLocal("ADD", input, { containerId: "next" }))).toEqual(["10.1.2.78/24"]);
  });

  test("fails before it touches anything where resolvConf is missing", () => {
    const dataDir = temporaryFolder();
    const resolvConf = path.join(dataDir, "missing");
    const outcome = hostLocal("ADD", config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24", resolvConf } }));
    expect(outcome).toMatchObject({ status: 1, json: { code: 5 } });
    expect(outcome.json.msg).toContain(`Cannot read resolvConf "${resolvConf}"`);
    expect(fs.readdirSync(dataDir)).toEqual([]);
  });

  test("makes files of mode 0600 in a folder of mode 0755, and lets nobody else see or lock its own records", () => {
    const dataDir = temporaryFolder();
    expect(hostLocal("ADD", config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } })).status).toBe(0);
    const modeOf = (name: string) => fs.statSync(path.join(dataDir, name)).mode & 0o777;
    expect([modeOf("mynet"), modeOf("mynet/10.1.2.2"), modeOf("mynet/last_reserved_ip.0")]).toEqual([
      0o755, 0o600, 0o600,
    ]);
    expect([modeOf("mynet/.state"), modeOf("mynet/.state/attachments")]).toEqual([0o700, 0o700]);
  });

  test("takes from others what an older version let them see, at the first call", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    const folders = [".state", ".state/attachments"].map((name) => path.join(dataDir, "mynet", name));
    expect(hostLocal("ADD", input).status).toBe(0);
    const dates = folders.map((folder) => fs.statSync(folder).mtime);
    for (const folder of folders) fs.chmodSync(folder, 0o755);
    expect(folders.map((folder) => fs.statSync(folder).mtime)).toEqual(dates);
    expect(hostLocal("ADD", input, { containerId: "c2" }).status).toBe(0);
    expect(folders.map((folder) => fs.statSync(folder).mode & 0o777)).toEqual([0o700, 0o700]);
  });

  test("gives back what it took when its result reaches nobody, and nothing else", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, {
      ipam: { ranges: [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00::/64" }]] },
    });
    expect(hostLocal("ADD", input, { containerId: "other" }).status).toBe(0);
    fs.writeFileSync(path.join(dataDir, "mynet/10.1.9.9"), "dummy\r\neth1");
    expect(hostLocal("ADD", input, { isUnheard: true })).toMatchObject({ status: 1, stdout: "" });
    expect(Object.keys(files(path.join(dataDir, "mynet")))).toEqual([
      ...["10.1.2.2", "10.1.9.9", "fd00::2"],
      ...["last_reserved_ip.0", "last_reserved_ip.1"],
    ]);
  });

  test("does not keep a network's folder that it made for nothing", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input, { args: "IP=10.1.2.1" }).status).toBe(1);
    expect(fs.readdirSync(dataDir)).toEqual([]);
  });
});

describe("after a reboot", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const ranges = [[{ subnet: "10.1.2.0/29" }], [{ subnet: "2001:db8::/64" }]];

  /** c1 and c2 had .2 and .3 of both sets in an earlier boot. */
  function rebooted(): { dataDir: string; input: object } {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { ranges } });
    reboot("aaaa", Date.now() - 60_000);
    for (const containerId of ["c1", "c2"]) expect(hostLocal("ADD", input, { containerId }).status).toBe(0);
    reboot("bbbb", Date.now());
    return { dataDir, input };
  }

  test("the same container and interface get the same addresses, once", () => {
    const { dataDir, input } = rebooted();
    expect(addresses(hostLocal("ADD", input, { containerId: "c3" }))).toEqual(["10.1.2.4/29", "2001:db8::4/64"]);
    expect(addresses(hostLocal("ADD", input, { containerId: "c2" }))).toEqual(["10.1.2.3/29", "2001:db8::3/64"]);
    expect(hostLocal("ADD", input, { containerId: "c2" }).json).toEqual({
      code: 102,
      msg: "failed to allocate for range 0: 10.1.2.3 has been allocated to c2, duplicate allocation is not allowed",
    });
    expect(files(path.join(dataDir, "mynet"))).toEqual({
      "10.1.2.2": "c1\r\neth0",
      "10.1.2.3": "c2\r\neth0",
      "10.1.2.4": "c3\r\neth0",
      "2001:db8::2": "c1\r\neth0",
      "2001:db8::3": "c2\r\neth0",
      "2001:db8::4": "c3\r\neth0",
      "last_reserved_ip.0": "10.1.2.3",
      "last_reserved_ip.1": "2001:db8::3",
    });
  });

  test("so do those of a Go plugin's leases, by their date", () => {
    const dataDir = temporaryFolder();
    fs.mkdirSync(path.join(dataDir, "mynet"));
    for (const [name, age] of [
      ["10.1.2.5", 3600],
      ["10.1.2.6", 60],
    ] as const) {
      fs.writeFileSync(path.join(dataDir, "mynet", name), `c${name.at(-1)}\r\neth0`);
      fs.utimesSync(path.join(dataDir, "mynet", name), Date.now() / 1000 - age, Date.now() / 1000 - age);
    }
    reboot("bbbb", Date.now() - 600_000);
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/29" } });
    expect(addresses(hostLocal("ADD", input, { containerId: "c5" }))).toEqual(["10.1.2.5/29"]);
    expect(hostLocal("ADD", input, { containerId: "c6" }).json.code).toBe(102);
  });

  test("an interface that may not have one of its addresses again gets another for that", () => {
    const { dataDir, input } = rebooted();
    const ipam = { dataDir, ranges: [ranges[0], [{ subnet: "2001:db8::/64", exclude: ["2001:db8::3"] }]] };
    const added = hostLocal("ADD", { ...input, ipam }, { containerId: "c2" });
    expect(addresses(added)).toEqual(["10.1.2.3/29", "2001:db8::4/64"]);
    expect(added.stderr).toBe("Reclaimed 2001:db8::3 of container c2, interface eth0: it is from an earlier boot\n");
  });

  test("the address of another container that is asked for is reclaimed alone", () => {
    const { input } = rebooted();
    const added = hostLocal("ADD", input, { containerId: "c3", args: "IP=10.1.2.3" });
    expect(addresses(added)[0]).toBe("10.1.2.3/29");
    expect(added.stderr).toBe("Reclaimed 10.1.2.3 of container c2, interface eth0: it is from an earlier boot\n");
  });

  test("leases of the other containers are reclaimed once nothing else is free, each with a line", () => {
    const { input } = rebooted();
    const given = ["c4", "c5", "c6"].map((containerId) => hostLocal("ADD", input, { containerId }));
    expect(given.map((each) => [addresses(each)[0], each.stderr])).toEqual([
      ["10.1.2.4/29", ""],
      ["10.1.2.5/29", ""],
      ["10.1.2.6/29", ""],
    ]);
    const next = hostLocal("ADD", input, { containerId: "c7" });
    expect(addresses(next)[0]).toBe("10.1.2.2/29");
    expect(next.stderr.split("\n").sort()).toEqual([
      "",
      "Reclaimed 10.1.2.2 of container c1, interface eth0: it is from an earlier boot",
      "Reclaimed 10.1.2.3 of container c2, interface eth0: it is from an earlier boot",
    ]);
    expect(addresses(hostLocal("ADD", input, { containerId: "c8" }))[0]).toBe("10.1.2.3/29");
    expect(hostLocal("ADD", input, { containerId: "c9" }).json).toEqual({
      code: 100,
      msg: "failed to allocate for range 0: no IP addresses available in range set: 10.1.2.1-10.1.2.6",
      details: "5 leased, 0 of them reclaimable, 0 resting, 0 excluded",
    });
  });

  test("a failed ADD leaves the old leases as they were", () => {
    const { dataDir, input } = rebooted();
    const ipam = { dataDir, ranges: [...ranges, [{ subnet: "10.9.0.0/32", gateway: "10.9.0.0" }]] };
    const refused = hostLocal("ADD", { ...input, ipam }, { containerId: "c1" });
    expect(refused.json.code).toBe(100);
    expect(addresses(hostLocal("ADD", input, { containerId: "c1" }))).toEqual(["10.1.2.2/29", "2001:db8::2/64"]);
  });
});

describe("exclude and requested addresses", () => {
  const range = {
    subnet: "10.1.2.0/24",
    rangeStart: "10.1.2.10",
    rangeEnd: "10.1.2.14",
    exclude: ["10.1.2.11", "10.1.2.12/31"],
  };

  test("hands out what is not excluded, also one asked for beside the range", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { ranges: [[range]] } });
    const add = (containerId: string, args = "") => hostLocal("ADD", input, { containerId, args });
    expect(addresses(add("a"))).toEqual(["10.1.2.10/24"]);
    expect(addresses(add("b", "IP=10.1.2.200"))).toEqual(["10.1.2.200/24"]);
    expect(add("b").json.code).toBe(102);
    expect(addresses(add("c"))).toEqual(["10.1.2.14/24"]);
    expect(add("d").json).toMatchObject({
      code: 100,
      details: "2 leased, 0 of them reclaimable, 0 resting, 3 excluded",
    });
    expect(add("d", "IP=10.1.2.12").json.msg).toBe(
      "failed to allocate for range 0: requested ip 10.1.2.12 is excluded",
    );
    expect(hostLocal("CHECK", input, { containerId: "b" }).status).toBe(0);
    expect(hostLocal("DEL", input, { containerId: "b" }).status).toBe(0);
    expect(addresses(add("e", "IP=10.1.2.200"))).toEqual(["10.1.2.200/24"]);
  });
});

describe("releaseDelay", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test("keeps a released address back for that long, unless nothing else is free, then the oldest first", () => {
    const input = config("1.1.0", temporaryFolder(), { ipam: { subnet: "10.1.2.0/29", releaseDelay: 30 } });
    const start = Date.now();
    const at = (seconds: number) => vi.useFakeTimers({ now: start + seconds * 1000, toFake: ["Date"] });
    const add = (containerId: string) => addresses(hostLocal("ADD", input, { containerId }))[0];
    const del = (containerId: string) => expect(hostLocal("DEL", input, { containerId }).status).toBe(0);
    at(0);
    expect(["a", "b", "c"].map(add)).toEqual(["10.1.2.2/29", "10.1.2.3/29", "10.1.2.4/29"]);
    del("b");
    at(5);
    del("a");
    expect([add("d"), add("e")]).toEqual(["10.1.2.5/29", "10.1.2.6/29"]);
    expect(hostLocal("STATUS", input)).toMatchObject({
      status: 0,
      stderr:
        "no free address in range set 0 (10.1.2.1-10.1.2.6): 3 leased, 0 of them reclaimable, 2 resting, 0 excluded\n",
    });
    expect(add("f")).toBe("10.1.2.3/29");
    del("d");
    at(36);
    expect([add("g"), add("h")]).toEqual(["10.1.2.5/29", "10.1.2.2/29"]);
  });
});

describe("GC", () => {
  const valid = (...attachments: [string, string][]) => ({
    "cni.dev/valid-attachments": attachments.map(([containerID, ifname]) => ({ containerID, ifname })),
  });

  /** Two networks, each with leases of a, b and c. */
  function populated(): { dataDir: string; input: object } {
    const dataDir = temporaryFolder();
    const ipam = { subnet: "10.1.2.0/24", releaseDelay: 60 };
    for (const name of ["mynet", "othernet"]) {
      for (const containerId of ["a", "b", "c"]) {
        expect(hostLocal("ADD", config("1.1.0", dataDir, { ipam, name }), { containerId }).status).toBe(0);
      }
    }
    return { dataDir, input: config("1.1.0", dataDir, { ipam }) };
  }

  const leased = (dataDir: string, name = "mynet") =>
    Object.keys(files(path.join(dataDir, name))).filter((each) => each.startsWith("10."));

  test.each([[{}], [{ "cni.dev/valid-attachments": null }]])("without a list removes nothing (%j)", (list) => {
    const { dataDir, input } = populated();
    expect(hostLocal("GC", { ...input, ...list })).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(leased(dataDir)).toEqual(["10.1.2.2", "10.1.2.3", "10.1.2.4"]);
  });

  test("removes the network's leases that are not valid, and those addresses rest", () => {
    const { dataDir, input } = populated();
    expect(hostLocal("GC", { ...input, ...valid(["b", "eth0"], ["c", "eth1"]) })).toMatchObject({
      status: 0,
      stdout: "",
      stderr:
        "Removed 10.1.2.2 of container a, interface eth0: it is not attached\nRemoved 10.1.2.4 of container c, interface eth0: it is not attached\n",
    });
    expect(leased(dataDir)).toEqual(["10.1.2.3"]);
    expect(leased(dataDir, "othernet")).toEqual(["10.1.2.2", "10.1.2.3", "10.1.2.4"]);
    expect(fs.readFileSync(path.join(dataDir, "mynet/.state/released"), "utf8")).toMatch(
      /^\d{13} 10\.1\.2\.2\n\d{13} 10\.1\.2\.4\n$/,
    );
  });

  test("with an empty list removes all leases of the network, and of no other", () => {
    const { dataDir, input } = populated();
    expect(hostLocal("GC", { ...input, ...valid() }).status).toBe(0);
    expect([leased(dataDir), leased(dataDir, "othernet")]).toEqual([[], ["10.1.2.2", "10.1.2.3", "10.1.2.4"]]);
  });

  test("works whatever became of the rest of the configuration", () => {
    const { dataDir, input } = populated();
    expect(hostLocal("GC", { ...input, ...valid(), ipam: { dataDir, ranges: 5, releaseDelay: "soon" } }).status).toBe(
      0,
    );
    expect(leased(dataDir)).toEqual([]);
  });

  test("makes no folder", () => {
    const dataDir = temporaryFolder();
    expect(hostLocal("GC", { ...config("1.1.0", dataDir, {}), ...valid() }).status).toBe(0);
    expect(fs.readdirSync(dataDir)).toEqual([]);
  });
});

describe("DEL", () => {
  test("releases with a configuration that has become invalid", () => {
    const dataDir = temporaryFolder();
    expect(hostLocal("ADD", config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } })).status).toBe(0);
    const broken = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.7/33", ranges: 5, routes: "none" }, args: [] });
    expect(hostLocal("DEL", broken, { args: "junk" })).toMatchObject({ status: 0, stdout: "" });
    expect(Object.keys(files(path.join(dataDir, "mynet")))).toEqual(["last_reserved_ip.0"]);
  });

  test("releases all addresses of the interface, also those of sets that are no longer configured", () => {
    const dataDir = temporaryFolder();
    const ranges = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "2001:db8::/64" }]];
    expect(hostLocal("ADD", config("1.1.0", dataDir, { ipam: { ranges } })).status).toBe(0);
    expect(hostLocal("DEL", config("1.1.0", dataDir, { ipam: { subnet: "10.3.0.0/24" } })).status).toBe(0);
    expect(Object.keys(files(path.join(dataDir, "mynet")))).toEqual(["last_reserved_ip.0", "last_reserved_ip.1"]);
  });

  test("twice equals once, and the released address comes last", () => {
    const input = config("1.1.0", temporaryFolder(), { ipam: { subnet: "10.1.2.0/29" } });
    expect(addresses(hostLocal("ADD", input))).toEqual(["10.1.2.2/29"]);
    expect([hostLocal("DEL", input).status, hostLocal("DEL", input).status]).toEqual([0, 0]);
    const given = ["a", "b", "c", "d", "e"].flatMap((containerId) =>
      addresses(hostLocal("ADD", input, { containerId })),
    );
    expect(given).toEqual(["10.1.2.3/29", "10.1.2.4/29", "10.1.2.5/29", "10.1.2.6/29", "10.1.2.2/29"]);
  });
});

test("ADD logs a gateway outside its subnet, and succeeds; the gateway of a single address is always outside", () => {
  const dataDir = temporaryFolder();
  const ranges = [
    [{ subnet: "10.1.2.0/24", gateway: "10.9.0.1" }],
    [{ subnet: "10.1.3.7/32", rangeStart: "10.1.3.7", gateway: "10.9.0.1" }],
    [{ subnet: "2001:db8::/64", gateway: "2001:db8::1" }],
  ];
  const line = 'Gateway 10.9.0.1 of network "mynet" is outside its subnet 10.1.2.0/24: containers cannot reach it\n';
  expect(hostLocal("ADD", config("1.1.0", dataDir, { ipam: { ranges } }))).toMatchObject({ status: 0, stderr: line });
});
