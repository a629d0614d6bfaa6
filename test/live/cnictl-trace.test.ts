// `cnictl trace` on real networks: it does what add, check and del do, and tells of it.
import fs from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Caller, type Variables } from "../caller.ts";
import { binDir } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";

let caller: Caller;
let netns: string;
let lists: string;

const BRIDGE = { type: "bridge", bridge: "br0", isGateway: true, ipMasq: true };
const IPAM = { type: "host-local", ranges: [[{ subnet: "10.77.0.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] };
const PORTS = '{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}';

beforeEach(() => {
  caller = new Caller();
  netns = caller.lab.addNamespace("c1");
  lists = path.join(caller.lab.dir, "lists");
  fs.mkdirSync(lists);
  writeList([
    { ...BRIDGE, ipam: IPAM },
    { type: "portmap", capabilities: { portMappings: true } },
  ]);
});
afterEach(() => caller.dispose());

function writeList(plugins: readonly object[]): void {
  fs.writeFileSync(path.join(lists, "net.conflist"), JSON.stringify({ cniVersion: "1.0.0", name: "net", plugins }));
}

function cnictl(args: readonly string[], variables: Variables = {}) {
  return caller.cnictl(args, { NETCONFPATH: lists, CAP_ARGS: PORTS, ...variables });
}

interface Step {
  readonly kind: string;
  readonly action: string;
  readonly where?: string;
  readonly phase: string;
  readonly at: number;
  readonly milliseconds: number;
  readonly error?: { readonly errno?: string; readonly message: string; readonly kernel?: string };
  readonly requests?: readonly Step[];
  readonly call?: Call;
}

interface Call {
  readonly plugin: string;
  readonly command: string;
  readonly executable: string;
  readonly exitCode: number;
  readonly milliseconds: number;
  readonly input: Readonly<Record<string, unknown>>;
  readonly output?: Readonly<Record<string, unknown>>;
  readonly phases?: Readonly<Record<string, number>>;
  readonly steps?: readonly Step[];
}

interface Trace {
  readonly plugins: readonly Call[];
  readonly error?: { readonly code: number; readonly msg: string };
}

function traceOf(verb: string, variables: Variables = {}): Trace & { readonly status: number | null } {
  const { status, stdout, stderr } = cnictl(["trace", verb, "net", netns, "--json"], variables);
  expect(stderr).toBe("");
  return { ...JSON.parse(stdout), status };
}

/** The plugins by verb and name, each with those that it called. */
function called({ plugins }: Trace): unknown[] {
  return plugins.map(({ command, plugin, exitCode, steps = [] }) => {
    const below = steps.flatMap(({ call }) => (call === undefined ? [] : [`${call.command} ${call.plugin}`]));
    return [`${command} ${plugin} ${exitCode}`, ...below];
  });
}

/** The kinds of a call's steps and of the requests in their transactions. */
function kinds({ steps = [] }: Call): readonly string[] {
  return steps.flatMap(({ kind, requests = [] }) => [kind, ...requests.map((request) => request.kind)]);
}

function attachment(): unknown {
  return caller.lab.ip("address show dev eth0 scope global", netns);
}

describe("cnictl trace", () => {
  it("attaches, checks and detaches, and has each plugin's requests, delegates and phases", () => {
    const added = traceOf("add");
    expect(added).toMatchObject({ status: 0, command: "ADD", network: "net", ifname: "eth0", netns });
    expect(called(added)).toEqual([["ADD bridge 0", "ADD host-local"], ["ADD portmap 0"]]);
    const [bridge, portmap] = added.plugins;
    expect(bridge?.input).toMatchObject({ name: "net", type: "bridge", ipam: IPAM });
    expect(bridge?.output).toMatchObject({ ips: [{ address: "10.77.0.2/24" }] });
    expect(portmap?.input).toMatchObject({ prevResult: bridge?.output, runtimeConfig: JSON.parse(PORTS) });
    expect(bridge && kinds(bridge)).toEqual(
      expect.arrayContaining(["RTM_NEWLINK", "RTM_NEWADDR", "RTM_NEWROUTE", "NFT_MSG_NEWSETELEM", "sysctl", "flock"]),
    );
    expect(bridge?.steps).toContainEqual(
      expect.objectContaining({ action: 'add address 10.77.0.2/24 to link "eth0"', where: "container" }),
    );
    expect(portmap && kinds(portmap)).toContain("NFT_MSG_NEWSETELEM");
    for (const call of [bridge, portmap]) {
      const spent = Object.values(call?.phases ?? {}).reduce((sum, each) => sum + each, 0);
      expect(Math.abs(spent - (call?.milliseconds ?? 0))).toBeLessThan(0.02);
    }
    expect(bridge?.steps?.flatMap(({ call }) => call?.steps ?? [])).toEqual([
      expect.objectContaining({
        kind: "flock",
        phase: "locks",
        action: 'lock the leases in "/var/lib/cni/networks/net"',
      }),
    ]);
    expect(bridge?.phases).toMatchObject({ ipam: expect.any(Number), links: expect.any(Number) });

    expect(attachment()).toHaveLength(1);
    expect(cnictl(["check", "net", netns])).toMatchObject({ status: 0, stderr: "" });
    const checked = traceOf("check");
    expect(called(checked)).toEqual([["CHECK bridge 0", "CHECK host-local"], ["CHECK portmap 0"]]);

    const deleted = traceOf("del");
    expect(called(deleted)).toEqual([["DEL portmap 0"], ["DEL bridge 0", "DEL host-local"]]);
    const [, last] = deleted.plugins;
    expect(last && kinds(last)).toContain("RTM_DELLINK");
    expect([caller.files("results"), caller.lab.ip("link show type veth")]).toEqual([[], []]);
    expect(caller.files("networks/net").filter((name) => name.startsWith("10."))).toEqual([]);
  });

  it("shows the kernel's error at the request that it refused, and fails as add does, with nothing left", () => {
    writeList([{ ...BRIDGE, mtu: 1_000_000, ipam: IPAM }]);
    const { status, stdout, stderr } = cnictl(["trace", "add", "net", netns]);
    const plain = cnictl(["add", "net", netns]);
    expect(status).toBe(1);
    expect(stderr).toBe(plain.stderr);
    expect(stdout).toMatch(/ RTM_NEWLINK +(EINVAL|ERANGE) +add .*: .*; .*(mtu|MTU|range)/);
    expect(stdout).toMatch(/^PLUGIN .*\nbridge +ADD +exit code 1 /m);
    const { error, plugins } = traceOf("add");
    expect(error?.msg).toBe(plain.stderr.split("\n")[0]);
    const refused = plugins[0]?.steps?.find(({ kind, error: each }) => kind === "RTM_NEWLINK" && each !== undefined);
    expect(refused?.error).toMatchObject({ message: expect.any(String), kernel: expect.stringMatching(/mtu|range/i) });
    expect([caller.files("results"), caller.lab.ip("link show type veth")]).toEqual([[], []]);
  });

  it("has a refused ADD without any request to make something", () => {
    traceOf("add");
    const again = traceOf("add");
    expect(again).toMatchObject({ status: 1, error: { code: 105 } });
    expect(called(again)).toEqual([["ADD bridge 1"]]);
    expect(attachment()).toHaveLength(1);
    expect(traceOf("del").status).toBe(0);
  });

  it("has input, output and time of plugins that are other executables, in the chain and below a plugin", () => {
    const others = path.join(caller.lab.dir, "others");
    fs.mkdirSync(others);
    fs.symlinkSync(path.join(referenceDir(), "tuning"), path.join(others, "tuning"));
    fs.copyFileSync(path.join(binDir, "host-local"), path.join(others, "host-local"));
    writeList([
      { ...BRIDGE, ipam: IPAM },
      { type: "tuning", mtu: 1400 },
    ]);
    const variables = { CNI_PATH: `${others}:${binDir}` };
    const { plugins } = traceOf("add", variables);
    const [bridge, tuning] = plugins;
    const delegate = bridge?.steps?.find(({ call }) => call !== undefined)?.call;
    for (const [call, name] of [[tuning, "tuning"] as const, [delegate, "host-local"] as const]) {
      expect(call).toMatchObject({ plugin: name, exitCode: 0, executable: path.join(others, name) });
      expect(call).not.toHaveProperty("steps");
      expect(call?.milliseconds).toBeGreaterThan(0);
      expect(call?.input).toHaveProperty("name", "net");
      expect(call?.output).toHaveProperty("ips");
    }
    expect(caller.lab.ip("link show dev eth0", netns)).toMatchObject([{ mtu: 1400 }]);
    const { stdout } = cnictl(["trace", "del", "net", netns], variables);
    expect(stdout).toContain("Requests: not traced, because tuning is another executable than cnictl\n");
    expect(caller.lab.ip("link show type veth")).toEqual([]);
  });
});
