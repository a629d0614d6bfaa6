import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { binDir, type Call, Lab } from "../lab.ts";
import { errorOf, type Traces, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;
let before: Traces;

beforeAll(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
  before = tracesOf(lab, [netns]);
});

/** What a call is meant to leave its test takes away itself. */
afterEach(() => {
  const left = tracesOf(lab, [netns]);
  lab.clear();
  expect(left).toEqual(before);
});

afterAll(() => lab.dispose());

interface Expected {
  readonly code: number;
  readonly msg: unknown;
  readonly details?: unknown;
}

/** The plugins that make an interface on any kernel. */
const MAIN_PLUGINS = ["bridge", "host-device", "macvlan", "ptp", "tap"];

const VERSIONS = '["0.1.0" "0.2.0" "0.3.0" "0.3.1" "0.4.0" "1.0.0" "1.1.0"]';

/** A configuration that works, with these members besides or instead. */
function config(members: object = {}): Record<string, unknown> {
  return { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", ipam: ipam(), ...members };
}

function ipam(members: object = { subnet: "10.1.2.0/24" }): object {
  return { type: "host-local", dataDir: lab.dataDir, ...members };
}

/** Each of the executables refuses the call with that error. */
function expectRefusal(call: Partial<Call>, expected: Expected, names: readonly string[] = ["bridge", "host-local"]) {
  for (const name of names) {
    const outcome = lab.plugin(name, { command: "ADD", config: config(), netns, ...call });
    expect(errorOf(outcome), name).toEqual(expected);
  }
}

const invalidId = (id: string) => ({ code: 4, msg: "invalid characters in containerID", details: id });

describe("CNI_CONTAINERID", () => {
  test.each(["-a", ".a", "_a", "a/b", "a b", "a:b", "ü", "a\nb", "../a"])("%j is refused", (containerId) => {
    for (const command of ["ADD", "CHECK", "DEL"]) expectRefusal({ command, containerId }, invalidId(containerId));
  });
});

describe("CNI_IFNAME", () => {
  const long = {
    code: 4,
    msg: "interface name is too long",
    details: "interface name should be less than 16 characters",
  };
  const dots = { code: 4, msg: "interface name is . or .." };
  const characters = { code: 4, msg: "interface name contains / or : or whitespace characters" };

  test.each([
    ["a234567890123456", long],
    ["ääääääää", long],
    [".", dots],
    ["..", dots],
    ["a/b", characters],
    ["a:b", characters],
    ["a b", characters],
    ["a\tb", characters],
    ["a\u0085b", characters],
    ["a\u00a0b", characters],
    ["a\u2028b", characters],
  ])("%j is refused", (ifname, expected) => {
    for (const command of ["ADD", "CHECK", "DEL"]) expectRefusal({ command, ifname }, expected);
  });

  // The kernel would put a number in place of %d, and refuses any other %.
  test.each(["%", "eth%d", "eth%s"])("%j is refused by ADD, and DEL has nothing to delete", (ifname) => {
    expectRefusal({ command: "ADD", ifname }, { code: 4, msg: "interface name contains %" }, MAIN_PLUGINS);
    expect(tracesOf(lab, [netns])).toEqual(before);
    expect(lab.plugin("bridge", { command: "DEL", config: config(), netns, ifname })).toMatchObject({ status: 0 });
  });

  test.each(["à", "all", "default"])("%j, which only the kernel refuses, is taken back", (ifname) => {
    for (const members of [{ type: "bridge" }, { type: "ptp" }, { type: "tap", bridge: undefined }]) {
      const { type } = members;
      const outcome = lab.plugin(type, { command: "ADD", config: config(members), netns, ifname });
      expect(errorOf(outcome).code, type).toBe(107);
      const left = tracesOf(lab, [netns]);
      expect(lab.plugin(type, { command: "DEL", config: config(members), netns, ifname }).status, type).toBe(0);
      lab.clear();
      expect(left, type).toEqual(before);
    }
  });
});

describe("variables", () => {
  test.each([
    ["ADD", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]],
    ["CHECK", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"]],
    ["DEL", ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_PATH"]],
    ["GC", ["CNI_PATH"]],
    ["STATUS", ["CNI_PATH"]],
  ])("%s names all that are missing, in order, empty ones among them", (command, names) => {
    const environment = Object.fromEntries(names.map((name) => [name, ""]));
    const msg = `required env variables [${names.join(",")}] missing`;
    expectRefusal({ command, environment }, { code: 4, msg });
    for (const name of names) {
      expectRefusal(
        { command, environment: { [name]: "" } },
        { code: 4, msg: `required env variables [${name}] missing` },
      );
    }
  });

  test("a malformed one is refused before a missing one that comes later", () => {
    expectRefusal({ containerId: "-a", netns: "", environment: { CNI_PATH: "" } }, invalidId("-a"));
  });

  test.each(["NOPE", "add", "ADD ", "Version"])(
    "CNI_COMMAND %j is unknown, once the configuration is in order",
    (command) => {
      expectRefusal({ command }, { code: 4, msg: `unknown CNI_COMMAND: ${command}` });
      expectRefusal({ command, config: {} }, { code: 7, msg: "missing network name" });
    },
  );

  test.each(["bridge", "host-local"])("without CNI_COMMAND %s introduces itself and succeeds", (name) => {
    const outcome = lab.plugin(name, { command: "", config: "junk" });
    expect(outcome).toMatchObject({ status: 0, stdout: "" });
    const { version, commit, date } = JSON.parse(lab.run([path.join(binDir, "cnictl"), "version", "--json"]));
    const [first, second, ...rest] = outcome.stderr.split("\n");
    expect(first).toBe(`CNI ${name} plugin v${version}`);
    expect(second).toMatch(/^CNI protocol versions supported: 0\.1\.0, .*1\.1\.0$/);
    expect(rest).toEqual(commit === "" ? [""] : [`Built from commit ${commit} of ${date}`, ""]);
  });

  test("a standard input that cannot be read is told", () => {
    const wrapper = ["sh", "-c", 'exec "$0" </'];
    expectRefusal({ wrapper }, { code: 5, msg: expect.stringMatching(/^error reading from stdin: .*EISDIR/) });
  });
});

describe("network name", () => {
  const missing = { code: 7, msg: "missing network name" };
  const invalid = (name: string) => ({ code: 7, msg: "invalid characters found in network name", details: name });

  test.each([
    ["missing", {}, missing],
    ["null", { name: null }, missing],
    ["empty", { name: "" }, missing],
    ["with a blank", { name: "a b" }, invalid("a b")],
    ["that leads elsewhere", { name: "../../etc" }, invalid("../../etc")],
    ["that starts with a dot", { name: ".net" }, invalid(".net")],
    ["that starts with a dash", { name: "-net" }, invalid("-net")],
    ["in other letters", { name: "nét" }, invalid("nét")],
    ["a number", { name: 5 }, { code: 6, msg: "error unmarshall network config: Cannot use name 5: must be a string" }],
  ])("%s is refused", (_, name, expected) => {
    for (const command of ["ADD", "CHECK", "DEL", "GC", "STATUS"]) {
      expectRefusal({ command, config: { cniVersion: "1.1.0", type: "bridge", ...name } }, expected);
    }
  });

  test("longer than a file's name may be is refused where it becomes one", () => {
    const name = "n".repeat(300);
    expectRefusal(
      { config: config({ name }) },
      {
        code: 103,
        msg: expect.stringMatching(/^Cannot make the folder of leases ".*": the name is too long/),
        details: "give the network a shorter name, or set ipam.dataDir to a shorter path",
      },
    );
  });
});

describe("cniVersion", () => {
  const incompatible = (version: string) => ({
    code: 1,
    msg: "incompatible CNI versions",
    details: `config is "${version}", plugin supports ${VERSIONS}`,
  });

  test.each(["9.9.9", "1.0", "1.0.0-rc1", "1", "v1.0.0", " 1.0.0", "1.0.0.0", "abc"])(
    "%j is none for ADD and DEL",
    (cniVersion) => {
      for (const command of ["ADD", "DEL"]) {
        expectRefusal({ command, config: config({ cniVersion }) }, incompatible(cniVersion));
      }
    },
  );

  test.each([
    ["a number", 1, "1"],
    ["an object", {}, "{}"],
    ["a list", ["1.0.0"], '["1.0.0"]'],
  ])("%s is refused by every command", (_, cniVersion, found) => {
    const msg = `decoding version from network config: Cannot use cniVersion ${found}: must be a string`;
    for (const command of ["ADD", "CHECK", "DEL", "GC", "STATUS"]) {
      expectRefusal({ command, config: config({ cniVersion }) }, { code: 6, msg });
    }
  });

  test.each(["1.2.3.4", "a.b", "1.0.0-rc1", "1..0"])("%j cannot be compared", (cniVersion) => {
    for (const command of ["CHECK", "GC", "STATUS"]) {
      const outcome = lab.plugin("bridge", { command, config: config({ cniVersion }), netns });
      expect(errorOf(outcome)).toMatchObject({ code: 6, msg: expect.stringContaining(cniVersion) });
    }
  });

  test.each([
    ["CHECK", "0.3.1", "config version does not allow CHECK"],
    ["CHECK", undefined, "config version does not allow CHECK"],
    ["CHECK", "9.9.9", "plugin version does not allow CHECK"],
    ["GC", "1.0.0", "config version does not allow GC"],
    ["GC", "9.9.9", "plugin version does not allow GC"],
    ["STATUS", "1.0.0", "config version does not allow STATUS"],
    ["STATUS", "9.9.9", "plugin version does not allow STATUS"],
  ])("%s refuses %s", (command, cniVersion, msg) => {
    expectRefusal({ command, config: config({ cniVersion }) }, { code: 1, msg });
  });
});

describe("standard input", () => {
  const syntax = (reason: string) => ({ code: 6, msg: `error unmarshall network config: ${reason}` });
  const megabytes = "x".repeat(10 << 20);

  test.each([
    ["empty", "", syntax("unexpected end of JSON input")],
    ["blank", " \n", syntax("unexpected end of JSON input")],
    ["cut short", '{"cniVersion":"1.0.0","name":"net', syntax("unexpected end of JSON input")],
    ["followed by more", '{"name":"net1"}}', syntax("invalid character '}' after top-level value")],
    ["followed by another", '{"name":"net1"}{}', syntax("invalid character '{' after top-level value")],
    ["a list", "[]", syntax("must be an object, found array")],
    ["a text", '"net1"', syntax("must be an object, found string")],
    ["a number", "5", syntax("must be an object, found number")],
    ["the literal null", "null", { code: 7, msg: "missing network name" }],
    ["no JSON", "name: net1", syntax("invalid character 'a' in literal null (expecting 'u')")],
    [
      "with a byte order mark",
      '\ufeff{"name":"net1"}',
      syntax("invalid character '\ufeff' looking for beginning of value"),
    ],
    [
      "binary",
      Uint8Array.from([0x7f, 0x45, 0x4c, 0x46]),
      syntax("invalid character '\u007f' looking for beginning of value"),
    ],
    ["10 MB of junk", megabytes, syntax("invalid character 'x' looking for beginning of value")],
    ["10 MB cut short", `{"name":"${megabytes}`, syntax("unexpected end of JSON input")],
    [
      "nested 10,001 deep",
      `{"name":"net1","x":${"[".repeat(10_000)}${"]".repeat(10_000)}}`,
      syntax("invalid character '[' exceeded max depth"),
    ],
    ["nested and cut short", '{"name":"net1","x":['.repeat(4_000), syntax("unexpected end of JSON input")],
  ])("%s is refused", (_, input, expected) => {
    for (const command of ["ADD", "DEL"]) expectRefusal({ command, config: input }, expected);
  });

  test("a name that is not UTF-8 is refused as the characters that it is read as", () => {
    const bytes = Buffer.from('{"name":"net\xff\xfe"}', "latin1");
    expectRefusal(
      { config: bytes },
      { code: 7, msg: "invalid characters found in network name", details: "net\ufffd\ufffd" },
    );
  });

  test("a name of 10 MB is refused, and quoted in part", () => {
    const outcome = lab.plugin("bridge", { command: "ADD", config: { name: `${megabytes}/` }, netns });
    expect(errorOf(outcome)).toMatchObject({ code: 7, msg: "invalid characters found in network name" });
    expect(outcome.stdout.length).toBeLessThan(1000);
  });

  test.each([
    ["10 MB", () => ({ filler: megabytes })],
    ["10 MB of numbers", () => ({ filler: Array.from({ length: 2 << 20 }, (_, index) => index % 1000) })],
    ["not UTF-8 where nobody looks", () => ({ filler: "\ufffd" })],
  ])("%s in an unknown key are handed on, and do no harm", (title, members) => {
    const text = JSON.stringify(config(members()));
    const input = title.startsWith("not UTF-8") ? Buffer.from(text.replace("\ufffd", "\xff\xfe"), "latin1") : text;
    for (const command of ["ADD", "DEL"]) {
      expect(lab.plugin("bridge", { command, config: input, netns })).toMatchObject({ status: 0, stderr: "" });
    }
    lab.clear();
  });

  test("9,990 levels in an unknown key do no harm", () => {
    const deep = `${"[".repeat(9_990)}${"]".repeat(9_990)}`;
    const input = JSON.stringify(config({ filler: 0 })).replace('"filler":0', `"filler":${deep}`);
    for (const command of ["ADD", "DEL"]) {
      expect(lab.plugin("bridge", { command, config: input, netns })).toMatchObject({ status: 0, stderr: "" });
    }
    lab.clear();
  });

  test("9,990 levels in a known key are refused", () => {
    const deep = `${"[".repeat(9_990)}${"]".repeat(9_990)}`;
    for (const key of ["mtu", "dns"]) {
      const input = JSON.stringify(config()).replace("{", `{"${key}":${deep},`);
      const outcome = lab.plugin("bridge", { command: "ADD", config: input, netns });
      expect(errorOf(outcome)).toMatchObject({ code: 7, msg: expect.stringMatching(`^Cannot use ${key} \\[`) });
    }
    const ranges = JSON.stringify(config({ ipam: ipam({ ranges: 0 }) })).replace('"ranges":0', `"ranges":${deep}`);
    expectRefusal({ config: ranges }, { code: 7, msg: expect.stringMatching(/^Cannot use ipam\.ranges\[0\]\[0\] \[/) });
  });
});

describe("a value of the wrong kind", () => {
  const cannot = (key: string, found: string, requirement: string) => ({
    code: 7,
    msg: `Cannot use ${key} ${found}: must be ${requirement}`,
  });

  test.each([
    ["mtu", "1500", '"1500"', 'an integer of at least 0 or "auto"'],
    ["isGateway", "true", '"true"', "a boolean"],
    ["ipMasq", 1, "1", "a boolean"],
    ["bridge", 5, "5", "a string"],
    ["ipam", [], "[]", "an object"],
    ["mtu", -1, "-1", "an integer of at least 0"],
  ])("of %s %j is refused by bridge", (key, value, found, requirement) => {
    const expected = cannot(key, found, requirement);
    expectRefusal({ config: config({ [key]: value }) }, expected, ["bridge"]);
  });

  test("of an integer written as 1500.0 is refused as it is written", () => {
    const input = JSON.stringify(config()).replace("{", '{"mtu":1500.0,');
    expectRefusal({ config: input }, cannot("mtu", "1500.0", 'an integer of at least 0 or "auto"'), ["bridge"]);
  });

  test.each([
    ["ipam.subnet", { subnet: "" }, '""', "an IP prefix such as 10.1.0.0/16"],
    ["ipam.subnet", { subnet: "10.1.2.0" }, '"10.1.2.0"', "an IP prefix such as 10.1.0.0/16"],
    ["ipam.subnet", { subnet: "10.1.02.0/24" }, '"10.1.02.0/24"', "an IP prefix such as 10.1.0.0/16"],
    ["ipam.subnet", { subnet: 10 }, "10", "an IP prefix such as 10.1.0.0/16"],
    ["ipam.gateway", { subnet: "10.1.2.0/24", gateway: "10.1.2.01" }, '"10.1.2.01"', "an IP address"],
    ["ipam.ranges[0]", { ranges: [{ subnet: "10.1.2.0/24" }] }, '{"subnet":"10.1.2.0/24"}', "a list"],
    [
      "ipam.routes[0].dst",
      { subnet: "10.1.2.0/24", routes: [{ dst: "10.0.0.1" }] },
      '"10.0.0.1"',
      "an IP prefix such as 10.1.0.0/16",
    ],
    ["ipam.dataDir", { subnet: "10.1.2.0/24", dataDir: 5 }, "5", "a path"],
  ])("of %s is refused by host-local, and bridge hands the error on: %j", (key, members, found, requirement) => {
    expectRefusal({ config: config({ ipam: ipam(members) }) }, cannot(key, found, requirement));
  });

  test.each([
    ["args.cni.mac", { args: { cni: { mac: "zz" } } }],
    ["runtimeConfig.mac", { RuntimeConfig: { MAC: "00:11:22:33:44" } }],
  ])("of %s is refused by bridge", (key, members) => {
    const outcome = lab.plugin("bridge", { command: "ADD", config: config(members), netns });
    expect(errorOf(outcome)).toMatchObject({
      code: 7,
      msg: expect.stringMatching(
        `^Cannot use ${key} ".*": must be a hardware address such as 0a:58:0a:01:00:02, of 6 bytes, not multicast, not zero$`,
      ),
    });
  });

  test("of prevResult is refused by CHECK", () => {
    const call = { command: "CHECK", config: config({ prevResult: { ips: "none" } }), netns };
    expect(errorOf(lab.plugin("bridge", call))).toMatchObject({
      code: 7,
      msg: expect.stringMatching(/^could not parse prevResult: /),
    });
  });
});

describe("bridge's name", () => {
  const characters = "interface name contains / or : or whitespace characters";

  test.each([
    ["", "interface name is empty"],
    ["a234567890123456", "interface name is too long"],
    ["ääääääää", "interface name is too long"],
    [".", "interface name is . or .."],
    ["..", "interface name is . or .."],
    ["../x", characters],
    ["a:b", characters],
    ["a b", characters],
    ["a\u00a0b", characters],
    ["br%d", "interface name contains %"],
  ])("%j is refused before anything is touched", (bridge, reason) => {
    const expected = { code: 7, msg: `Cannot use bridge ${JSON.stringify(bridge)}: ${reason}` };
    for (const command of ["ADD", "CHECK"]) {
      expectRefusal({ command, config: config({ bridge, prevResult: {} }) }, expected, ["bridge"]);
    }
    const outcome = lab.plugin("bridge", { command: "DEL", config: config({ bridge }), netns });
    expect(outcome).toMatchObject({ status: 0, stdout: "" });
  });

  test.each(["all", "default", "à"])("%j, which only the kernel refuses, is taken back", (bridge) => {
    const outcome = lab.plugin("bridge", { command: "ADD", config: config({ bridge }), netns });
    expect(errorOf(outcome).code).toBe(107);
    const { files, ...rest } = tracesOf(lab, [netns]);
    expect(rest).toEqual({ ...before, files: undefined });
    expect(Object.keys(files).filter((name) => name.includes("10."))).toEqual([]);
    lab.clear();
  });
});

describe("DEL with a configuration that ADD refuses", () => {
  const refused: readonly (readonly [string, object])[] = [
    ["tuning", { dataDir: 7, mtu: 1400 }],
    ["host-device", { device: "ens11", dataDir: "relative" }],
    ["bridge", { ipam: "host-local" }],
    ["macvlan", { master: "lo", ipam: [] }],
    ["host-local", { ipam: { type: "host-local", subnet: "10.1.2.0/24", dataDir: 7 } }],
    ["dhcp", { ipam: { type: "dhcp", daemonSocketPath: "relative" } }],
  ];

  test.each(refused)("%s %j: ADD says why, and DEL lets the rest of the list be deleted", (type, members) => {
    const call = { config: config({ type, ...members }), netns };
    expect(errorOf(lab.plugin(type, { command: "ADD", ...call })).code).toBe(7);
    const outcome = lab.plugin(type, { command: "DEL", ...call });
    expect(outcome).toMatchObject({ status: 0, stdout: "" });
    expect(outcome.stderr).toMatch(/ADD refuses this, so DEL goes on without it/);
  });
});

describe("bridge's fields", () => {
  const l2 = { ipam: {} };

  test.each([
    [{ vlan: -100 }, "invalid VLAN ID -100 (must be between 0 and 4094)"],
    [{ vlan: 4095 }, "invalid VLAN ID 4095 (must be between 0 and 4094)"],
    [{ hairpinMode: true, promiscMode: true }, "cannot set hairpin mode and promiscuous mode at the same time"],
    [{ disableContainerInterface: true }, "cannot use IPAM when DisableContainerInterface flag is set"],
    [{ ipMasqBackend: "foo" }, 'unknown ipmasq backend "foo"'],
    [{ ipMasqBackend: "" }, 'unknown ipmasq backend ""'],
  ])("that contradict each other are refused: %j", (members, msg) => {
    expectRefusal({ config: config(members) }, { code: 7, msg }, ["bridge"]);
  });

  test("an MTU that no link can have is taken back", () => {
    for (const members of [{ mtu: 67 }, { mtu: 100_000_000 }, { mtu: 67, ...l2 }]) {
      const outcome = lab.plugin("bridge", { command: "ADD", config: config(members), netns });
      expect(errorOf(outcome).code).toBe(107);
    }
    const { files, ...rest } = tracesOf(lab, [netns]);
    expect(rest).toEqual({ ...before, files: undefined });
    expect(Object.keys(files).filter((name) => name.includes("10."))).toEqual([]);
    lab.clear();
  });
});

describe("CNI_ARGS", () => {
  const refused = (msg: string) => ({ code: 4, msg: `ARGS: ${msg}`, details: "in CNI_ARGS" });

  test.each([
    ["junk", 'invalid pair "junk"'],
    ["A=B=C;IgnoreUnknown=1", 'invalid pair "A=B=C"'],
    ["IgnoreUnknown=1;", 'invalid pair ""'],
    ["A=1;B=2", 'unknown args ["A=1" "B=2"]'],
    ["IgnoreUnknown=0;A=1", 'unknown args ["A=1"]'],
    ["mac=02:00:00:00:00:01", 'unknown args ["mac=02:00:00:00:00:01"]'],
    [
      "IgnoreUnknown=maybe",
      'error parsing value of pair "IgnoreUnknown=maybe": boolean unmarshal error: invalid input maybe',
    ],
  ])("%j is refused", (args, msg) => {
    expectRefusal({ args }, refused(msg));
  });

  test("each plugin refuses what only the other knows", () => {
    expectRefusal({ args: "IP=10.1.2.3" }, refused('unknown args ["IP=10.1.2.3"]'), ["bridge"]);
    expectRefusal({ args: "MAC=02:00:00:00:00:01" }, refused('unknown args ["MAC=02:00:00:00:00:01"]'));
  });

  test("IP=junk is refused by host-local, and bridge hands the error on", () => {
    const msg = 'error parsing value of pair "IP=junk": invalid IP address junk';
    expectRefusal({ args: "IP=junk;IgnoreUnknown=true" }, refused(msg));
  });

  test("MAC=zz is refused by bridge", () => {
    const msg = 'error parsing value of pair "MAC=zz": must be a hardware address';
    expectRefusal({ args: "MAC=zz;IgnoreUnknown=1" }, refused(msg), ["bridge"]);
  });
});

describe("ranges", () => {
  const set = (...ranges: object[]) => ({ ranges: [ranges] });

  test.each([
    [{}, "no IP ranges specified"],
    [{ gateway: "10.1.2.1" }, "no IP ranges specified"],
    [{ ranges: [] }, "no IP ranges specified"],
    [{ ranges: [[]] }, "invalid range set 0: empty range set"],
    [set({}), "invalid range set 0: IP <nil> not v4 nor v6"],
    [
      set({ subnet: "10.9.0.0/24", exclude: ["10.9.1.1"] }),
      'invalid range set 0: Cannot use exclude "10.9.1.1": must be an address or prefix in 10.9.0.0/24',
    ],
    [set({ subnet: "::ffff:10.9.0.0/120" }), "invalid range set 0: IPNet IP and Mask version mismatch"],
    [
      { subnet: "192.0.2.5/24" },
      "invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 192.0.2.0",
    ],
    [
      { subnet: "192.0.2.0/24", rangeStart: "192.0.3.0" },
      "invalid range set 0: RangeStart 192.0.3.0 not in network 192.0.2.0/24",
    ],
    [
      { subnet: "192.0.2.0/24", rangeEnd: "192.0.4.0" },
      "invalid range set 0: RangeEnd 192.0.4.0 not in network 192.0.2.0/24",
    ],
    [
      { subnet: "192.0.2.0/24", rangeStart: "192.0.2.50", rangeEnd: "192.0.2.40" },
      "invalid range set 0: RangeStart 192.0.2.50 not in network 192.0.2.0/24",
    ],
    [
      { subnet: "192.0.2.0/24", rangeStart: "fd00::5" },
      "invalid range set 0: RangeStart fd00::5 not in network 192.0.2.0/24",
    ],
    [set({ subnet: "10.1.0.0/24" }, { subnet: "fd00::/64" }), "invalid range set 0: mixed address families"],
    [
      set({ subnet: "10.1.0.0/16" }, { subnet: "10.1.2.0/24" }),
      "invalid range set 0: subnets 10.1.0.1-10.1.255.254 and 10.1.2.1-10.1.2.254 overlap",
    ],
    [{ ranges: [[{ subnet: "10.1.0.0/16" }], [{ subnet: "10.1.2.0/24" }]] }, "range set 0 overlaps with 1"],
    [{ subnet: "10.1.0.0/16", ranges: [[{ subnet: "10.1.2.0/24" }]] }, "range set 0 overlaps with 1"],
  ])("%j is refused by host-local, and bridge hands the error on", (members, msg) => {
    for (const command of ["ADD", "CHECK"]) {
      const names = command === "ADD" ? ["bridge", "host-local"] : ["host-local"];
      const details = /<nil>|no IP ranges/.test(msg) ? { details: 'network "net1": a range has no "subnet"' } : {};
      expectRefusal({ command, config: config({ ipam: ipam(members) }) }, { code: 7, msg, ...details }, names);
    }
    // What has become invalid can still be released.
    const call = { command: "DEL", config: config({ ipam: ipam(members) }), netns };
    expect(lab.plugin("bridge", call)).toMatchObject({ status: 0, stdout: "" });
  });

  test.each(["0.1.0", "0.2.0", undefined])("two of a family are refused with version %s", (cniVersion) => {
    const ranges = [[{ subnet: "10.1.0.0/24" }], [{ subnet: "10.2.0.0/24" }]];
    const msg = `CNI version ${cniVersion ?? "0.1.0"} does not support more than 1 address per family`;
    expectRefusal({ config: config({ cniVersion, ipam: ipam({ ranges }) }) }, { code: 7, msg });
  });

  test.each([
    ["an address outside", { ips: ["10.9.9.9"] }, 101, "failed to allocate all requested IPs: 10.9.9.9"],
    [
      "the gateway's",
      { ips: ["10.1.2.1"] },
      101,
      "failed to allocate for range 0: requested ip 10.1.2.1 is subnet's gateway",
    ],
    ["no address", { ips: ["junk"] }, 7, "invalid IP address junk"],
    ["an empty text", { ips: [""] }, 7, "cannot understand ip: IP <nil> not v4 nor v6"],
  ])("asked for %s: host-local refuses, and bridge hands the error on", (_, cni, code, msg) => {
    for (const name of ["bridge", "host-local"]) {
      const outcome = lab.plugin(name, { command: "ADD", config: config({ args: { cni } }), netns });
      expect(errorOf(outcome)).toMatchObject({ code, msg });
    }
  });
});
