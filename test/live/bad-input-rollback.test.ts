import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { binDir, type Call, Lab, type Outcome } from "../lab.ts";
import { errorOf, leaseFiles, masqueraded, type Traces, tracesOf } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeAll(() => {
  lab = new Lab();
});

beforeEach(() => {
  netns = lab.addNamespace("c1");
});

afterEach(() => {
  lab.deleteNamespace(netns);
  lab.clear();
});

afterAll(() => lab.dispose());

const RANGES = [[{ subnet: "10.1.2.0/24" }], [{ subnet: "fd00:1::/64" }]];

/** A dual-stack network with all that there is to be taken back. */
function config(members: object = {}, ipam: object = {}): Record<string, unknown> {
  const common = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true, ipMasq: true };
  return { ...common, ipam: { type: "host-local", dataDir: lab.dataDir, ranges: RANGES, ...ipam }, ...members };
}

function run(command: string, call: Partial<Call> = {}): Outcome {
  return lab.plugin("bridge", { command, config: config(), netns, ...call });
}

/** What ADD may have written that is no lease: the folder, the notes in it. */
function withoutNotes({ files, ...traces }: Traces): Traces {
  const leases = Object.entries(files).filter(([name]) => !/^net1(\/last_reserved_ip\.[0-9])?$/.test(name));
  return { ...traces, files: Object.fromEntries(leases) };
}

/** The call fails with that error and everything is as before; once the cause is gone, it succeeds. */
function expectRollback(
  call: Partial<Call>,
  { error, mend }: { error: object; mend: () => Partial<Call> | undefined },
) {
  const before = withoutNotes(tracesOf(lab, [netns]));
  expect(errorOf(run("ADD", call))).toMatchObject(error);
  expect(withoutNotes(tracesOf(lab, [netns]))).toEqual(before);
  const mended = { ...call, ...mend() };
  const added = run("ADD", mended);
  expect(added).toMatchObject({ status: 0 });
  const prevResult = JSON.parse(added.stdout);
  const checked = Object(mended.config ?? config());
  expect(run("CHECK", { ...mended, config: { ...checked, prevResult } })).toMatchObject({ status: 0, stdout: "" });
  expect(run("DEL", mended)).toMatchObject({ status: 0, stdout: "" });
  expect(leaseFiles(lab)).toEqual([]);
  expect(masqueraded(lab)).toEqual([]);
  expect(lab.ip("link show type veth")).toEqual([]);
}

/** Runs a command on the host where IPAM would work, then host-local. Returns what goes into the call. */
function meddling(command: string): Partial<Call> {
  const folder = path.join(lab.dir, "plugins");
  fs.mkdirSync(folder, { recursive: true });
  const script = `#!/bin/sh\n[ "$CNI_COMMAND" = ADD ] && { ${command}; } >&2\nexec "${binDir}/host-local"\n`;
  fs.writeFileSync(path.join(folder, "meddler"), script, { mode: 0o755 });
  return { config: config({}, { type: "meddler" }), environment: { CNI_PATH: `${folder}:${binDir}` } };
}

describe("bridge ADD takes back all it did, and works once the cause is gone:", () => {
  test("the container has an interface of that name", () => {
    lab.run(["ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other"], netns);
    expectRollback(
      {},
      {
        error: { code: 105, msg: `container veth name ("eth0") already exists in ${netns}` },
        mend: () => void lab.run(["ip", "link", "del", "eth0"], netns),
      },
    );
  });

  test("the bridge's name belongs to another kind of link", () => {
    lab.run(["ip", "link", "add", "br0", "type", "veth", "peer", "name", "other"]);
    expectRollback(
      {},
      {
        error: { code: 106, msg: '"br0" already exists but is not a bridge' },
        mend: () => void lab.run(["ip", "link", "del", "br0"]),
      },
    );
  });

  test.each([
    ["10.9.9.1/24", '"br0" already has an IP address different from 10.1.2.1/24'],
    ["fd00:1::99/64", '"br0" already has an IP address different from fd00:1::1/64'],
  ])("the bridge has %s", (address, msg) => {
    lab.run(["ip", "link", "add", "br0", "address", "02:00:00:00:00:01", "up", "type", "bridge"]);
    lab.run(["ip", "address", "add", address, "dev", "br0", "nodad"]);
    const error = { code: 106, msg, details: `found ${address}; set forceAddress to replace it` };
    expectRollback({}, { error, mend: () => ({ config: config({ forceAddress: true }) }) });
  });

  test("forceAddress had replaced an address before something failed", () => {
    lab.run(["ip", "link", "add", "br0", "address", "02:00:00:00:00:01", "up", "type", "bridge"]);
    lab.run(["ip", "address", "add", "10.9.9.1/24", "dev", "br0"]);
    lab.run(["nft", "add table inet cni_masquerade; add set inet cni_masquerade sources4 { type ipv4_addr; }"]);
    expectRollback(
      { config: config({ forceAddress: true }) },
      {
        error: { code: 107 },
        mend: () => void lab.run(["nft", "flush", "ruleset"]),
      },
    );
  });

  test("no address is left", () => {
    const small = config({}, { ranges: [[{ subnet: "10.1.2.0/30" }], [{ subnet: "fd00:1::/64" }]] });
    const other = lab.addNamespace("c2");
    expect(run("ADD", { config: small, netns: other, containerId: "c2" }).status).toBe(0);
    expectRollback(
      { config: small },
      {
        error: {
          code: 100,
          msg: expect.stringMatching(/no IP addresses available in range set: 10\.1\.2\.1-10\.1\.2\.2$/),
        },
        mend: () => void run("DEL", { config: small, netns: other, containerId: "c2" }),
      },
    );
    lab.deleteNamespace(other);
  });

  test("the second family has no address left", () => {
    const file = path.join(lab.dataDir, "net1", "fd00:1::2");
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, "other\r\neth0");
    const small = config({}, { ranges: [RANGES[0], [{ subnet: "fd00:1::/64", rangeEnd: "fd00:1::2" }]] });
    expectRollback({ config: small }, { error: { code: 100 }, mend: () => void fs.rmSync(file) });
  });

  test.each([
    ["through a gateway that cannot be reached", [{ dst: "10.9.0.0/16", gw: "192.168.7.1" }], "Network is unreachable"],
    ["through an IPv6 gateway that cannot be reached", [{ dst: "fd09::/64", gw: "fd08::1" }], "No route to host"],
    [
      "twice to IPv6 with two MTUs",
      [
        { dst: "fd09::/64", mtu: 1400 },
        { dst: "fd09::/64", mtu: 1300 },
      ],
      "File exists",
    ],
  ])("a route leads %s", (_, routes, reason) => {
    expectRollback(
      { config: config({}, { routes }) },
      {
        error: { code: 107, msg: expect.stringContaining(reason) },
        mend: () => ({ config: config({}, { routes: [{ dst: "10.9.0.0/16" }, { dst: "fd09::/64" }] }) }),
      },
    );
  });

  test.each([
    ["a map's name is a set's", "add set inet cni_masquerade sources4 { type ipv4_addr; }"],
    [
      "a map's name is that of a map of another kind",
      "add map inet cni_masquerade sources6 { type ipv6_addr : mark; }",
    ],
    [
      "the base chain is of another type",
      "add chain inet cni_masquerade postrouting { type filter hook input priority 0; }",
    ],
  ])("somebody has made the masquerade table differently: %s", (_, command) => {
    lab.run(["nft", `add table inet cni_masquerade; ${command}`]);
    expectRollback(
      {},
      {
        error: { code: 107 },
        mend: () => void lab.run(["nft", "flush", "ruleset"]),
      },
    );
  });

  test("somebody replaces the masquerade table by another: DEL does what is left to do", () => {
    expect(run("ADD").status).toBe(0);
    lab.run([
      "nft",
      "flush ruleset; add table inet cni_masquerade; add set inet cni_masquerade sources4 { type ipv4_addr; }",
    ]);
    expect(run("DEL")).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(leaseFiles(lab)).toEqual([]);
    expect(lab.ip("link show type veth")).toEqual([]);
  });

  test("an MTU that no link can have, on a bridge that is there", () => {
    lab.run(["ip", "link", "add", "br0", "address", "02:00:00:00:00:01", "up", "type", "bridge"]);
    expectRollback({ config: config({ mtu: 100_000 }) }, { error: { code: 107 }, mend: () => ({ config: config() }) });
  });

  test("/proc/sys cannot be written", () => {
    const readOnly = 'mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec "$0"';
    expectRollback(
      { wrapper: ["unshare", "--mount", "--propagation", "private", "sh", "-ec", readOnly] },
      {
        error: { code: 107, msg: expect.stringMatching(/^Cannot write "1" to sysctl net\/.*: Read-only file system$/) },
        mend: () => ({ wrapper: [] }),
      },
    );
  });

  test("the result is one that its version cannot tell", () => {
    expectRollback(
      { config: config({ cniVersion: "0.1.0", ipam: {} }) },
      {
        error: { code: 7, msg: "cannot convert: no valid IP addresses" },
        mend: () => ({ config: config({ ipam: {} }) }),
      },
    );
  });
});

describe("bridge ADD while others meddle takes back all it did:", () => {
  test.each([
    ["the bridge goes", () => "ip link del br0", 11],
    ["the container's interface goes", () => `nsenter --net=${netns} ip link del eth0`, 107],
    ["the container's namespace is unmounted", () => `umount ${netns}`, 0],
  ])("%s", (_, command, code) => {
    // Until both are there: IPAM's process runs beside bridge's.
    const wait = `until nsenter --net=${netns} ip link show eth0 >/dev/null 2>&1; do sleep 0.01; done; sleep 0.05`;
    const outcome = run("ADD", meddling(`${wait}; ${command()}`));
    if (code === 0) expect(outcome.status).toBe(0);
    else expect(errorOf(outcome)).toMatchObject({ code });
    if (code === 0) expect(run("DEL", meddling("true"))).toMatchObject({ status: 0, stdout: "" });
    expect(leaseFiles(lab)).toEqual([]);
    expect(masqueraded(lab)).toEqual([]);
    expect(lab.processes()).toEqual([]);
    if (code !== 0) expect(lab.ip("link show type veth")).toEqual([]);
  });
});

/** The call fails; the bridge stays, as after any DEL, and nothing else. Then the same call succeeds in the newest version. */
function expectBridgeOnly(call: Partial<Call>, verify: (outcome: Outcome) => void): void {
  verify(run("ADD", call));
  expect(lab.ip("link show").map((link) => Object(link).ifname)).toEqual(["lo", "br0"]);
  expect(lab.ip("link show", netns)).toHaveLength(1);
  expect(leaseFiles(lab)).toEqual([]);
  expect(masqueraded(lab)).toEqual([]);
  expect(lab.processes()).toEqual([]);
  const { wrapper: _, ...rest } = call;
  const again = { ...rest, config: { ...Object(call.config ?? config()), cniVersion: "1.1.0" } };
  expect(run("ADD", again)).toMatchObject({ status: 0, stderr: "" });
}

describe("bridge ADD whose result cannot be delivered is taken back:", () => {
  test("standard output is a full device", () => {
    expectBridgeOnly({ wrapper: ["sh", "-c", 'exec "$0" >/dev/full'] }, (outcome) => {
      expect(outcome).toMatchObject({ status: 1, stdout: "" });
      expect(outcome.stderr).toMatch(/^error writing to stdout: ENOSPC.*\n$/);
    });
  });

  test("nobody reads standard output any more", () => {
    const code = `${lab.dir}/code`;
    const wrapper = [
      "sh",
      "-c",
      `{ sleep 0.2; "$0"; echo $? >"${code}"; } | true; until [ -s "${code}" ]; do sleep 0.05; done`,
    ];
    expectBridgeOnly({ wrapper }, ({ stderr }) => {
      expect(stderr).toMatch(/^error writing to stdout: EPIPE.*\n$/);
      expect(fs.readFileSync(code, "utf8")).toBe("1\n");
    });
  });

  test("host-local gives its address back", () => {
    const wrapper = ["sh", "-c", 'exec "$0" >/dev/full'];
    const outcome = lab.plugin("host-local", { command: "ADD", config: config(), netns, wrapper });
    expect(outcome).toMatchObject({ status: 1, stdout: "" });
    expect(leaseFiles(lab)).toEqual([]);
  });
});

describe("a living attachment", () => {
  const LEASES = ["net1/10.1.2.2", "net1/fd00:1::2"];

  /** Interface, leases, masquerading: CHECK finds all of it. */
  function expectAlive(prevResult: unknown): void {
    expect(run("CHECK", { config: { ...config(), prevResult } })).toMatchObject({ status: 0, stdout: "" });
    expect(leaseFiles(lab)).toEqual(LEASES);
    lab.run(["ping", "-c1", "-W10", "10.1.2.2"]);
  }

  test("survives an ADD that is like its own, and one that asks for other addresses", () => {
    const prevResult = JSON.parse(run("ADD").stdout);
    expect(errorOf(run("ADD")).code).toBe(105);
    expect(errorOf(run("ADD", { config: config({ args: { cni: { ips: ["10.1.2.77"] } } }) })).code).toBe(105);
    expectAlive(prevResult);
  });

  test("survives an ADD of the same container in another namespace, whichever addresses it asks for", () => {
    const prevResult = JSON.parse(run("ADD").stdout);
    const other = lab.addNamespace("c2");
    const asks = [{}, { args: { cni: { ips: ["10.1.2.77"] } } }, { args: { cni: { ips: ["10.1.2.2", "fd00:1::2"] } } }];
    for (const members of asks) {
      expect(errorOf(run("ADD", { netns: other, config: config(members) })).code).toBe(102);
      expect(lab.ip("link show", other)).toHaveLength(1);
    }
    lab.deleteNamespace(other);
    expectAlive(prevResult);
  });

  test("survives ADDs of others that fail after their masquerading, and of others that ask for its address", () => {
    const prevResult = JSON.parse(run("ADD").stdout);
    const other = lab.addNamespace("c2");
    const call = { netns: other, containerId: "c2" };
    expect(errorOf(run("ADD", { ...call, config: config({ args: { cni: { ips: ["10.1.2.2"] } } }) })).code).toBe(101);
    expect(run("ADD", { ...call, wrapper: ["sh", "-c", 'exec "$0" >/dev/full'] }).status).toBe(1);
    lab.deleteNamespace(other);
    expectAlive(prevResult);
  });

  test("comes of at most one of two like ADDs at once, and is whole; else nothing is left", async () => {
    for (let round = 0; round < 10; round += 1) {
      const calls = [1, 2].map(() => lab.start("bridge", { command: "ADD", config: config(), netns }).ended);
      const outcomes = await Promise.all(calls);
      const [winner, ...more] = outcomes.filter(({ status }) => status === 0);
      expect(more).toEqual([]);
      for (const loser of outcomes.filter((each) => each !== winner)) expect([102, 105]).toContain(errorOf(loser).code);
      if (winner === undefined) {
        expect(leaseFiles(lab)).toEqual([]);
        expect(masqueraded(lab)).toEqual([]);
        expect(lab.ip("link show", netns)).toHaveLength(1);
      } else {
        const prevResult = JSON.parse(winner.stdout);
        expect(run("CHECK", { config: { ...config(), prevResult } })).toMatchObject({ status: 0, stdout: "" });
        expect(run("DEL")).toMatchObject({ status: 0 });
      }
    }
  });
});
