import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Edge } from "../../src/cnictl/edge.ts";
import { examineClaims } from "../../src/cnictl/validate/addresses.ts";
import { openDocument } from "../../src/cnictl/validate/document.ts";
import { type Finding, reportTo } from "../../src/cnictl/validate/finding.ts";
import { parsePlugin } from "../../src/runtime/network.ts";
import { makeStage, type Stage } from "./stage.ts";

const ALL = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

let stage: Stage;

beforeEach(() => {
  stage = makeStage();
  for (const type of ["bridge", "host-local", "portmap", "firewall", "tuning", "bandwidth", "loopback"])
    answers(type, ALL);
  containerd("2.1.0");
});
afterEach(() => stage.dispose());

/** Installs a plugin that supports these versions. */
function answers(type: string, supportedVersions: readonly string[]): void {
  stage.plugin(type, () => ({ stdout: JSON.stringify({ cniVersion: "1.1.0", supportedVersions }) }));
}

function containerd(version: string): void {
  const file = stage.write(
    "path/containerd",
    `#!/bin/sh\necho containerd github.com/containerd/containerd v${version} abc\n`,
  );
  fs.chmodSync(file, 0o755);
}

function run(args: readonly string[], changes: Partial<Edge> = {}) {
  const environment = {
    NETCONFPATH: path.join(stage.directory, "net.d"),
    CNI_PATH: path.join(stage.directory, "bin"),
    PATH: path.join(stage.directory, "path"),
  };
  const { code, out, err } = stage.cnictl(["validate", ...args], { environment, ...changes });
  return { code, err, lines: out.replaceAll(`${stage.directory}/`, "").split("\n").slice(0, -1) };
}

/** What is said about one file, without its name. */
function validate(text: unknown, name = "10-a.conflist"): readonly string[] {
  const { lines, err } = run([stage.write(`net.d/${name}`, text)]);
  expect(err).toBe("");
  return lines.map((line) => line.replace(`net.d/${name}:`, ""));
}

/** A list of one bridge, with the place of each part as in a file on one line. */
function listOf(plugin: object, ...others: readonly object[]): string {
  const first = { type: "bridge", mtu: "auto", ...plugin };
  return JSON.stringify({ cniVersion: "1.0.0", name: "net", plugins: [first, ...others] });
}

const HOST_LOCAL = { type: "host-local", subnet: "10.1.0.0/16" };

describe("cnictl validate", () => {
  it("says nothing of a list that is right, and on a terminal that it is valid", () => {
    const file = stage.write("net.d/10-a.conflist", listOf({ isGateway: true, ipam: HOST_LOCAL }));
    expect(run([file])).toEqual({ code: 0, err: "", lines: [] });
    expect(run([file], { terminal: { out: true } }).lines).toEqual(["net.d/10-a.conflist: valid"]);
    expect(run([file, "--json"]).lines).toEqual(["[]"]);
  });

  it("names a misspelt key with line, column, path and the key that was meant, and exits 1", () => {
    const text = `{
  "cniVersion": "1.0.0",
  "name": "net",
  "plugins": [
    {
      "type": "bridge",
      "mtu": "auto",
      "isGatway": true
    }
  ]
}`;
    const file = stage.write("net.d/10-a.conflist", text);
    const line = 'error: plugins[0].isGatway: unknown key "isGatway"; did you mean "isGateway"?';
    expect(run([file])).toEqual({ code: 1, err: "", lines: [`net.d/10-a.conflist:8:7: ${line}`] });
    expect(JSON.parse(run([file, "--json"]).lines.join("\n"))).toEqual([
      {
        file: "net.d/10-a.conflist",
        line: 8,
        column: 7,
        level: "error",
        path: "plugins[0].isGatway",
        message: 'unknown key "isGatway"',
        hint: 'did you mean "isGateway"?',
      },
    ]);
  });

  it.each([
    [
      "a key that no plugin reads",
      { frobnicate: 1 },
      /^1:\d+: warning: plugins\[0\].frobnicate: unknown key "frobnicate": no plugin reads it$/,
    ],
    [
      "a key of IPAM's",
      { ipam: { ...HOST_LOCAL, gatway: "10.1.0.1" } },
      /error: plugins\[0\].ipam.gatway: .* did you mean "gateway"\?$/,
    ],
    [
      "a value of the wrong kind",
      { hairpinMode: "yes" },
      /^1:\d+: error: plugins\[0\].hairpinMode: Cannot use hairpinMode "yes": must be a boolean$/,
    ],
    [
      "a value that the schema takes and the plugin refuses",
      { vlan: 5000 },
      /^1:\d+: error: plugins\[0\].vlan: invalid VLAN ID 5000/,
    ],
    [
      "values that contradict each other",
      { hairpinMode: true, promiscMode: true },
      /error: .*cannot set hairpin mode and promiscuous mode/,
    ],
    [
      "an `ipam` without a type",
      { ipam: { subnet: "10.1.0.0/16" } },
      /^1:\d+: error: plugins\[0\].ipam: no "type": containers get no addresses/,
    ],
    [
      "host bits in a subnet",
      { ipam: { type: "host-local", subnet: "10.1.0.1/16" } },
      /error: plugins\[0\].ipam.subnet: .*Network has host bits set/,
    ],
    [
      "host bits in another prefix",
      { nonMasqueradeCIDRs: ["10.1.2.3/16"] },
      /warning: plugins\[0\].nonMasqueradeCIDRs\[0\]: 10.1.2.3\/16 has host bits set; the network is 10.1.0.0\/16$/,
    ],
    [
      "a gateway outside its subnet",
      { ipam: { ...HOST_LOCAL, gateway: "10.2.0.1" } },
      /error: plugins\[0\].ipam.gateway: 10.2.0.1 is outside the subnet 10.1.0.0\/16/,
    ],
    [
      "range sets that overlap",
      { ipam: { type: "host-local", ranges: [[{ subnet: "10.1.0.0/16" }], [{ subnet: "10.1.3.0/24" }]] } },
      /error: .*range set 0 overlaps with 1$/,
    ],
    [
      "the wrong one of two ranges",
      {
        ipam: {
          type: "host-local",
          ranges: [[{ subnet: "10.1.0.0/24" }, { subnet: "10.1.1.0/24", rangeStart: "10.9.0.1" }]],
        },
      },
      /error: plugins\[0\].ipam.ranges\[0\]\[1\].rangeStart: .*RangeStart 10.9.0.1 not in network/,
    ],
    [
      "a capability that nobody takes",
      { capabilities: { portMapings: true } },
      /^1:\d+: warning: plugins\[0\].capabilities.portMapings: bridge takes no such capability$/,
    ],
    [
      "a capability of another plugin's",
      { capabilities: { portMappings: true } },
      /bridge takes no such capability; declare it for portmap$/,
    ],
    ["a misspelt capability", { capabilities: { mak: true } }, /error: .* did you mean "mac"\?$/],
    [
      "masquerade without a gateway",
      { ipMasq: true, ipam: HOST_LOCAL },
      /warning: plugins\[0\].ipMasq: has no effect unless something else gives the bridge the gateway's address 10\.1\.0\.1; set isGateway to true$/,
    ],
    [
      "an MTU that is too small for IPv6",
      { mtu: 1000, ipam: { type: "host-local", subnet: "fd00::/64" } },
      /error: plugins\[0\].mtu: 1000 is too small for IPv6/,
    ],
  ])("finds %s", (_, plugin, expected) => {
    expect(validate(listOf(plugin))).toEqual([expect.stringMatching(expected)]);
  });

  it("takes each form that ADD takes: other case, other plugins' keys in args, capabilities of IPAM", () => {
    const plugin = {
      ISGATEWAY: true,
      _mtu: 9000,
      "//": "why",
      args: { cni: { ips: ["10.1.0.9"] }, other: {} },
      capabilities: { ips: true, mac: true },
    };
    expect(validate(listOf({ ...plugin, ipam: HOST_LOCAL }))).toEqual([]);
    expect(validate(listOf({ ipam: HOST_LOCAL, args: { cni: { ip: [] } } }))).toEqual([
      expect.stringMatching(/did you mean "ips"/),
    ]);
  });

  it("names the range without subnet, its network and the key that was meant", () => {
    const [first, second, ...others] = validate(
      listOf({ ipam: { type: "host-local", ranges: [[{ subnett: "10.1.0.0/16" }]] } }),
    );
    expect(first).toMatch(
      /error: plugins\[0\].ipam.ranges\[0\]\[0\]: invalid range set 0: IP <nil> not v4 nor v6; network "net": a range has no "subnet"/,
    );
    expect([first, second]).toEqual([
      expect.stringContaining('did you mean "subnet"?'),
      expect.stringContaining('did you mean "subnet"?'),
    ]);
    expect(others).toEqual([]);
  });

  it.each([
    [
      "a plugin before the one whose result it needs",
      [{ type: "portmap" }, { type: "bridge", mtu: "auto" }],
      [
        /plugins\[0\].type: portmap needs the result of a plugin/,
        /warning: plugins\[0\].type: portmap publishes no ports: .*; add "capabilities": { "portMappings": true }$/,
        /plugins\[1\].type: bridge makes an interface, and comes after portmap/,
      ],
    ],
    [
      "an IPAM plugin in the list",
      [{ type: "host-local", ipam: HOST_LOCAL }],
      [/plugins\[0\].type: host-local makes no interface/],
    ],
    [
      "none where loopback comes first",
      [{ type: "loopback" }, { type: "bridge", mtu: "auto" }, { type: "firewall" }],
      [],
    ],
  ])("finds %s", (_, plugins, expected) => {
    expect(validate({ cniVersion: "1.0.0", name: "net", plugins })).toEqual(
      expected.map((each) => expect.stringMatching(each)),
    );
  });

  it.each([
    ["", "1:1: error: no valid JSON: unexpected end of JSON input"],
    [
      '{\n  "name": "net",\n}',
      "3:1: error: no valid JSON: invalid character '}' looking for beginning of object key string; the comma before it may be one too many",
    ],
    [{ name: "net", plugin: [] }, expect.stringMatching(/error: plugin: unknown key .* did you mean "plugins"\?$/)],
    [
      { name: "n/a", plugins: [{ type: "loopback" }] },
      expect.stringMatching(/error: name: invalid characters found in network name/),
    ],
    [{ name: "net", plugins: [{ typ: "loopback" }] }, expect.stringMatching(/error: plugins\[0\]: .*missing 'type'/)],
    [
      { name: "net", cniVersion: "3.0.0", plugins: [{ type: "loopback" }] },
      expect.stringMatching(/error: cniVersion: loopback does not support version 3.0.0; it supports 0.1.0, /),
    ],
    [
      { name: "net", cniVersion: "0.2.0", plugins: [{ type: "bridge", mtu: "auto" }] },
      expect.stringMatching(/error: .*cannot convert: no valid IP addresses/),
    ],
    [
      '{"name":"net","name":"net2","plugins":[{"type":"loopback"}]}',
      "1:15: warning: name: the key is there twice: the last one counts",
    ],
  ])("finds what is wrong with the list %j", (text, expected) => {
    expect(validate(text)).toContainEqual(expected);
  });

  it("reads a single configuration, standard input and a folder of plugins beside a list", () => {
    const single = { cniVersion: "1.0.0", name: "net", type: "bridge", mtu: "auto", isGatway: true };
    expect(validate(single, "10-a.conf")).toEqual([expect.stringMatching(/^1:\d+: error: isGatway: /)]);
    expect(validate({ name: "net", plugins: [] }, "10-a.conf")).toEqual([
      expect.stringMatching(/call it \*\.conflist$/),
    ]);
    const readStdin = () => new TextEncoder().encode(JSON.stringify(single));
    expect(run(["-"], { readStdin }).lines).toEqual([expect.stringMatching(/^-:1:\d+: error: isGatway: /)]);
    stage.write("net.d/net/10-b.conf", single);
    const { lines } = run([stage.write("net.d/10-c.conflist", { cniVersion: "1.0.0", name: "net" })]);
    expect(lines).toEqual([expect.stringMatching(/^net\.d\/net\/10-b\.conf:1:\d+: error: isGatway: /)]);
  });

  it("asks the installed plugins for their versions: one that is missing, silent or too old is an error, each asked once", () => {
    stage.plugin("silent", () => ({}));
    answers("old", ["0.1.0", "0.2.0"]);
    const others = ["missing", "silent", "old", "old"].map((type) => ({ type, anything: true }));
    const lines = validate(listOf({}, ...others));
    expect(lines.map((line) => line.replace(/^\d+:\d+: /, ""))).toEqual([
      "error: cniVersion: old does not support version 1.0.0; it supports 0.1.0, 0.2.0",
      expect.stringMatching(/^error: plugins\[1\].type: failed to find plugin "missing" in path/),
      "error: plugins[2].type: silent does not answer VERSION with a list of versions",
    ]);
    expect(stage.calls.filter(({ type }) => type === "old")).toHaveLength(1);
    expect(stage.calls.map(({ environment }) => environment["CNI_COMMAND"])).toEqual(stage.calls.map(() => "VERSION"));
  });

  it("checks the addresses of another's plugin that calls host-local, and what every plugin has in common", () => {
    answers("sriov", ALL);
    const plugin = {
      type: "sriov",
      mode: "bridge",
      dns: { nameservers: "1.1.1.1" },
      ipam: { ...HOST_LOCAL, gatway: "10.1.0.1" },
    };
    expect(validate({ cniVersion: "1.0.0", name: "net", plugins: [plugin] })).toEqual([
      expect.stringMatching(/error: plugins\[0\].dns.nameservers: .*must be a list/),
      expect.stringMatching(/error: plugins\[0\].ipam.gatway: /),
    ]);
  });

  it.each([
    [
      "1.7.24",
      [
        expect.stringMatching(
          /warning: cniVersion: containerd 1\.7\.24 is installed, and takes version 1\.0\.0 at most/,
        ),
      ],
    ],
    ["2.0.0", []],
  ])("knows what containerd %s takes", (version, expected) => {
    containerd(version);
    expect(validate({ cniVersion: "1.1.0", name: "net", plugins: [{ type: "loopback" }] })).toEqual(expected);
    expect(validate({ cniVersion: "1.0.0", name: "net", plugins: [{ type: "loopback" }] })).toEqual([]);
  });

  it("names the plugin that a mistyped one means", () => {
    expect(validate(listOf({ type: "brigde" }))).toEqual([
      expect.stringMatching(
        /error: plugins\[0\]\.type: failed to find plugin "brigde" in path .*; did you mean "bridge"\?$/,
      ),
    ]);
  });

  it("says once which lists containerd 1 refuses", () => {
    containerd("1.7.24");
    for (const [name, cniVersion] of [
      ["10-a", "1.1.0"],
      ["20-b", "1.0.0"],
      ["30-c", "1.1.0"],
      ["40-d", "1.1.0"],
    ])
      stage.write(`net.d/${name}.conflist`, { cniVersion, name, plugins: [{ type: "loopback" }] });
    expect(run([]).lines.filter((line) => line.includes("containerd 1"))).toEqual([
      'net.d/10-a.conflist:1:15: warning: cniVersion: containerd 1.7.24 is installed, and takes version 1.0.0 at most; 30-c.conflist, 40-d.conflist have a newer one, too; set it to "1.0.0" if containerd uses this network',
    ]);
  });

  it("compares the networks of a folder: name, bridge and subnet; and says which file a kubelet's runtime takes", () => {
    const ipam = (subnet: string) => ({ type: "host-local", subnet });
    stage.write("net.d/10-a.conflist", listOf({ bridge: "br0", ipam: ipam("10.1.0.0/16") }));
    stage.write("net.d/20-b.conflist", listOf({ bridge: "br0", ipam: ipam("10.1.2.0/24") }));
    stage.write(
      "net.d/30-c.conflist",
      listOf({ bridge: "br0", vlan: 5, ipam: ipam("10.2.0.0/24") }).replace('"net"', '"c"'),
    );
    const { code, lines } = run([]);
    expect(code).toBe(0);
    expect(lines.map((line) => line.replaceAll(/:\d+:\d+:/g, ":"))).toEqual([
      "net.d/10-a.conflist: warning: a kubelet's runtime takes this file, the first by name, and ignores 20-b.conflist, 30-c.conflist",
      "net.d/20-b.conflist: warning: name: net.d/10-a.conflist has a network of this name too: a search by name finds only that",
      'net.d/20-b.conflist: warning: plugins[0].bridge: network "net" of net.d/10-a.conflist uses bridge br0 too; give each its own, or a VLAN',
      'net.d/20-b.conflist: warning: plugins[0].ipam.subnet: 10.1.2.0/24 overlaps 10.1.0.0/16 of network "net" of net.d/10-a.conflist: both may assign one address',
    ]);
  });

  it.each<[string, object, string | undefined]>([
    ["another subnet", {}, "10.2.0.1/24"],
    ["another gateway in the subnet", { ipam: { ...HOST_LOCAL, gateway: "10.1.0.9" } }, "10.1.0.9/16"],
    ["the same gateway", { ipam: HOST_LOCAL }, undefined],
    ["forceAddress", { forceAddress: true }, undefined],
    ["no gateway", { isGateway: false }, undefined],
  ])("tells whether two networks of one bridge can start, if the second has %s", (_, more, refused) => {
    const ipam = { type: "host-local", subnet: "10.2.0.0/24" };
    stage.write("net.d/10-a.conflist", listOf({ isGateway: true, ipam: HOST_LOCAL }));
    stage.write("net.d/20-b.conflist", listOf({ isGateway: true, ipam, ...more }).replace('"net"', '"b"'));
    const { code, lines } = run([]);
    const text = lines
      .filter((line) => line.includes("plugins[0].bridge"))
      .map((line) => line.replace(/:\d+:\d+:/, ":"));
    const whose = 'plugins[0].bridge: network "net" of net.d/10-a.conflist';
    if (refused === undefined)
      expect(text).toEqual([
        `net.d/20-b.conflist: warning: ${whose} uses bridge cni0 too; give each its own, or a VLAN`,
      ]);
    else
      expect(text).toEqual([
        `net.d/20-b.conflist: error: ${whose} gives bridge cni0 the gateway 10.1.0.1/16, which it cannot have beside ${refused}: only containers of the network that comes first start; set "bridge" to another name`,
      ]);
    expect(code).toBe(refused === undefined ? 0 : 1);
  });

  it("says that containerd stops at a first file that is broken, and CRI-O goes on", () => {
    stage.write("net.d/10-a.conflist", "{");
    stage.write("net.d/20-b.conflist", listOf({}));
    const { code, lines } = run([]);
    expect(code).toBe(1);
    expect(lines).toEqual([
      expect.stringMatching(/^net\.d\/10-a\.conflist:1:2: error: no valid JSON/),
      expect.stringMatching(
        /^net\.d\/20-b\.conflist:1:1: warning: CRI-O takes this file and ignores 10-a\.conflist; containerd takes none/,
      ),
    ]);
  });

  it("fails for a folder without lists, and reports a file that is not there", () => {
    stage.write("net.d/readme.txt", "");
    expect(run([])).toMatchObject({
      code: 1,
      lines: [],
      err: expect.stringContaining("no net configurations found in"),
    });
    expect(run([path.join(stage.directory, "nothing.conflist")])).toMatchObject({
      code: 1,
      lines: [expect.stringMatching(/^nothing\.conflist:1:1: error: cannot be read: /)],
    });
  });
});

describe("examineClaims()", () => {
  const bytes = new TextEncoder().encode('{"type":"bridge","mtu":9000}');
  const document = openDocument("a", bytes);
  const placed = { document, path: [], config: parsePlugin(document.json) };

  it.each([
    [9000, true, 1500, ["9000 is above the MTU of eth0, 1500: large packets may be lost on their way out"]],
    [
      0,
      true,
      1400,
      ["the kernel's MTU, 1500, is above the MTU of eth0, 1400: large packets may be lost on their way out"],
    ],
    [9000, false, 1500, []],
    [1400, true, 1400, []],
    [undefined, true, 1400, []],
  ])("warns of MTU %s, gateway %s, at an uplink of %i", (mtu, isGateway, uplink, expected) => {
    const findings: Finding[] = [];
    const claims = { bridge: { name: "cni0", vlan: 0, isGateway, mtu } };
    examineClaims(placed, claims, { name: "eth0", mtu: uplink }, reportTo(findings));
    expect(findings.map(({ message }) => message)).toEqual(expected);
  });
});
