import fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { add } from "../../../plugins/host-local/add.ts";
import { del } from "../../../plugins/host-local/del.ts";
import { createRequest, type Request } from "../../../src/cni/request.ts";
import { SPEC_VERSIONS, type SpecVersion } from "../../../src/cni/version.ts";
import { hostLocal, type Outcome, temporaryFolder } from "./host-local.ts";

/** The addresses of a printed result, in whichever shape its version has. */
function addresses({ json }: Outcome): string[] {
  if (json.ips !== undefined) return json.ips.map((ip: { address: string }) => ip.address);
  return [json.ip4, json.ip6].filter((ip) => ip !== undefined).map((ip) => ip.ip);
}

function files(folder: string): Record<string, string> {
  const entries = fs.readdirSync(folder, { withFileTypes: true }).map((entry) => entry.name);
  return Object.fromEntries(entries.sort().map((name) => [name, fs.readFileSync(path.join(folder, name), "utf8")]));
}

function config(version: string, dataDir: string, rest: object): object {
  const { ipam, ...top } = { ipam: {}, ...rest };
  return {
    cniVersion: version,
    name: "mynet",
    type: "ipvlan",
    master: "foo0",
    ipam: { type: "host-local", dataDir, ...ipam },
    ...top,
  };
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
    ["taken", "IP=10.1.2.2", "requested IP address 10.1.2.2 is not available in range set 10.1.2.1-10.1.2.254"],
    ["the gateway's", "IP=10.1.2.1", "requested ip 10.1.2.1 is subnet's gateway"],
  ])("refuses an address that is %s", (_title, args, message) => {
    const input = config("1.1.0", temporaryFolder(), { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input, { containerId: "other" }).status).toBe(0);
    expect(hostLocal("ADD", input, { args })).toMatchObject({
      status: 1,
      json: { code: 101, msg: `failed to allocate for range 0: ${message}` },
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

  test("makes files of mode 0600 in a folder of mode 0755", () => {
    const dataDir = temporaryFolder();
    expect(hostLocal("ADD", config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } })).status).toBe(0);
    const modeOf = (name: string) => fs.statSync(path.join(dataDir, name)).mode & 0o777;
    expect([modeOf("mynet"), modeOf("mynet/10.1.2.2"), modeOf("mynet/last_reserved_ip.0")]).toEqual([
      0o755, 0o600, 0o600,
    ]);
  });

  test("does not keep a network's folder that it made for nothing", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input, { args: "IP=10.1.2.1" }).status).toBe(1);
    expect(fs.readdirSync(dataDir)).toEqual([]);
  });
});

describe("CHECK", () => {
  test("succeeds where a lease names the interface, or the container alone", () => {
    const dataDir = temporaryFolder();
    const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
    expect(hostLocal("ADD", input).status).toBe(0);
    expect(hostLocal("CHECK", input)).toMatchObject({ status: 0, stdout: "" });
    fs.writeFileSync(path.join(dataDir, "mynet", "10.1.2.2"), "dummy");
    expect(hostLocal("CHECK", input)).toMatchObject({ status: 0, stdout: "" });
  });

  test.each([[{ containerId: "zzz", ifname: "eth0" }], [{ containerId: "zzz", ifname: "eth1" }]])(
    "fails where none does, and makes no folder (%j)",
    (call) => {
      const dataDir = temporaryFolder();
      const input = config("1.1.0", dataDir, { ipam: { subnet: "10.1.2.0/24" } });
      expect(hostLocal("CHECK", input, call)).toMatchObject({
        status: 1,
        json: {
          code: 104,
          msg: "host-local: Failed to find address added by container zzz",
          details: `no file in "${dataDir}/mynet" names it with interface ${call.ifname}`,
        },
      });
      expect(fs.readdirSync(dataDir)).toEqual([]);
    },
  );

  test("refuses a configuration that ADD would refuse", () => {
    const input = config("1.1.0", temporaryFolder(), {});
    expect(hostLocal("CHECK", input)).toMatchObject({ status: 1, json: { code: 7, msg: "no IP ranges specified" } });
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
