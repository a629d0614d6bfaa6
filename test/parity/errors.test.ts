import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binDir, type Call, Lab, type Outcome } from "../lab.ts";
import { referenceDir } from "./reference.ts";

/** Ours say by a code what the reference says only in words: every error of a plugin's own leaves it as 999. */
interface Case {
  readonly title: string;
  readonly plugin?: string;
  readonly command?: string;
  readonly call?: Partial<Call>;
  /** Members put over a configuration that works, or standard input as text. */
  readonly config?: Readonly<Record<string, unknown>> | string;
  readonly ipam?: Readonly<Record<string, unknown>>;
  /** Code of the reference's error, and of ours where it is another. 0 is success. */
  readonly reference: number;
  readonly ours?: number;
}

const ranges = (...subnets: object[]) => ({ ranges: [subnets] });

/** The same in both: what the protocol itself checks. */
const PROTOCOL: readonly Case[] = [
  { title: "no container id", call: { containerId: "" }, reference: 4 },
  { title: "a container id with a slash", call: { containerId: "a/b" }, reference: 4 },
  { title: "no network namespace", call: { netns: "" }, reference: 4 },
  { title: "no interface name", call: { ifname: "" }, reference: 4 },
  { title: "an interface name of 16 bytes", call: { ifname: "a".repeat(16) }, reference: 4 },
  { title: "an interface name that is a dot", call: { ifname: "." }, reference: 4 },
  { title: "an interface name with a slash", call: { ifname: "a/b" }, reference: 4 },
  { title: "an interface name with a colon", call: { ifname: "a:b" }, reference: 4 },
  { title: "an interface name with a space", call: { ifname: "a b" }, reference: 4 },
  { title: "no CNI_PATH", call: { environment: { CNI_PATH: "" } }, reference: 4 },
  { title: "an unknown command", command: "FOO", reference: 4 },
  { title: "an unknown command without a network", command: "FOO", config: "{}", reference: 7 },
  { title: "a command in lower case", command: "add", reference: 4 },
  { title: "empty input", config: "", reference: 6 },
  { title: "input that is no JSON", config: "{", reference: 6 },
  { title: "text after the configuration", config: '{"name":"n"} x', reference: 6 },
  { title: "a configuration that is an array", config: "[]", reference: 6 },
  { title: "a configuration that is null", config: "null", reference: 7 },
  { title: "no network name", config: { name: "" }, reference: 7 },
  { title: "a network name with a slash", config: { name: "a/b" }, reference: 7 },
  { title: "a network name that is a number", config: { name: 1 }, reference: 6 },
  { title: "an unknown version", config: { cniVersion: "9.9.9" }, reference: 1 },
  { title: "a version of two parts", config: { cniVersion: "1.0" }, reference: 1 },
  { title: "a version that is a number", config: { cniVersion: 1 }, reference: 6 },
  { title: "CHECK before there was one", command: "CHECK", config: { cniVersion: "0.3.1" }, reference: 1 },
  { title: "GC before there was one", command: "GC", config: { cniVersion: "1.0.0" }, reference: 1 },
  { title: "STATUS before there was one", command: "STATUS", config: { cniVersion: "1.0.0" }, reference: 1 },
  { title: "CHECK with a version that is no version", command: "CHECK", config: { cniVersion: "a.b" }, reference: 6 },
];

const HOST_LOCAL: readonly Case[] = [
  { title: "no ipam", config: { ipam: undefined }, reference: 999, ours: 7 },
  { title: "no ranges", ipam: { ranges: [] }, reference: 999, ours: 7 },
  { title: "an empty range set", ipam: { ranges: [[]] }, reference: 999, ours: 7 },
  { title: "ranges in a flat list", ipam: { ranges: [{ subnet: "10.9.0.0/24" }] }, reference: 999, ours: 7 },
  { title: "a range without subnet", ipam: ranges({}), reference: 999, ours: 7 },
  { title: "a subnet that is none", ipam: ranges({ subnet: "10.9.0.0" }), reference: 999, ours: 7 },
  { title: "a subnet with host bits", ipam: ranges({ subnet: "10.9.0.1/24" }), reference: 999, ours: 7 },
  { title: "a subnet of two addresses", ipam: ranges({ subnet: "10.9.0.0/31" }), reference: 999, ours: 0 },
  {
    title: "a rangeStart outside",
    ipam: ranges({ subnet: "10.9.0.0/24", rangeStart: "10.8.0.1" }),
    reference: 999,
    ours: 7,
  },
  {
    title: "a rangeEnd outside",
    ipam: ranges({ subnet: "10.9.0.0/24", rangeEnd: "10.8.0.1" }),
    reference: 999,
    ours: 7,
  },
  {
    title: "a rangeStart after rangeEnd",
    ipam: ranges({ subnet: "10.9.0.0/24", rangeStart: "10.9.0.9", rangeEnd: "10.9.0.8" }),
    reference: 999,
    ours: 7,
  },
  {
    title: "mixed families in a set",
    ipam: ranges({ subnet: "10.9.0.0/24" }, { subnet: "fd00::/64" }),
    reference: 999,
    ours: 7,
  },
  {
    title: "overlap in a set",
    ipam: ranges({ subnet: "10.9.0.0/24" }, { subnet: "10.9.0.0/25" }),
    reference: 999,
    ours: 7,
  },
  {
    title: "overlap of two sets",
    ipam: { ranges: [[{ subnet: "10.9.0.0/24" }], [{ subnet: "10.9.0.0/25" }]] },
    reference: 999,
    ours: 7,
  },
  { title: "a resolvConf that is not there", ipam: { resolvConf: "/nowhere" }, reference: 999, ours: 5 },
  {
    title: "a requested address outside",
    config: { args: { cni: { ips: ["10.1.2.77"] } } },
    reference: 999,
    ours: 101,
  },
  { title: "the gateway as requested address", call: { args: "IP=10.9.0.1" }, reference: 999, ours: 101 },
  { title: "CNI_ARGS with an address that is none", call: { args: "IP=junk" }, reference: 999, ours: 4 },
  { title: "CNI_ARGS with an unknown key", call: { args: "FOO=bar" }, reference: 999, ours: 4 },
  { title: "CNI_ARGS with an unknown key to be ignored", call: { args: "FOO=bar;IgnoreUnknown=1" }, reference: 0 },
  { title: "CNI_ARGS that end in a semicolon", call: { args: "IgnoreUnknown=1;" }, reference: 999, ours: 4 },
  {
    title: "CHECK of what was never added",
    command: "CHECK",
    call: { containerId: "none" },
    reference: 999,
    ours: 104,
  },
  { title: "DEL of what was never added", command: "DEL", call: { containerId: "none" }, reference: 0 },
  { title: "GC", command: "GC", reference: 0 },
  { title: "STATUS", command: "STATUS", reference: 0 },
];

const BRIDGE: readonly Case[] = [
  { title: "B40: vlan -100", config: { vlan: -100 }, reference: 999, ours: 7 },
  { title: "B40: vlan 5000", config: { vlan: 5000 }, reference: 999, ours: 7 },
  {
    title: "B36: IPAM and disableContainerInterface",
    config: { disableContainerInterface: true },
    reference: 999,
    ours: 7,
  },
  { title: "hairpinMode and promiscMode", config: { hairpinMode: true, promiscMode: true }, reference: 999, ours: 7 },
  { title: "an mtu that is a string", config: { mtu: "1500" }, reference: 999, ours: 7 },
  { title: "isGateway that is a string", config: { isGateway: "true" }, reference: 999, ours: 7 },
  { title: "an empty bridge name", config: { bridge: "" }, reference: 999, ours: 7 },
  { title: "an unknown masquerade backend", config: { ipMasq: true, ipMasqBackend: "foo" }, reference: 999, ours: 7 },
  { title: "a MAC that is none", config: { args: { cni: { mac: "zz" } } }, reference: 999, ours: 7 },
  { title: "CNI_ARGS with an unknown key", call: { args: "FOO=bar" }, reference: 999, ours: 4 },
  { title: "an IPAM plugin that is not there", ipam: { type: "nowhere" }, reference: 999, ours: 108 },
  { title: "an IPAM plugin with a path", ipam: { type: "../host-local" }, reference: 999, ours: 7 },
  { title: "a network namespace that is not there", call: { netns: "/run/netns/nowhere" }, reference: 999, ours: 8 },
  { title: "a network namespace that is a file", call: { netns: "/etc/hostname" }, reference: 999, ours: 8 },
  { title: "an interface that the container has", call: { ifname: "lo" }, reference: 999, ours: 105 },
  { title: "a bridge name that is another link's", config: { bridge: "lo" }, reference: 999, ours: 106 },
  { title: "CHECK without prevResult", command: "CHECK", reference: 999, ours: 7 },
  { title: "GC", command: "GC", reference: 0 },
  { title: "STATUS", command: "STATUS", reference: 0 },
];

const ALL: readonly Case[] = [
  ...PROTOCOL.flatMap((one) => [
    { ...one, plugin: "bridge" },
    { ...one, plugin: "host-local" },
  ]),
  ...HOST_LOCAL.map((one) => ({ ...one, plugin: "host-local" })),
  ...BRIDGE.map((one) => ({ ...one, plugin: "bridge" })),
];

describe("exit and error code beside the reference's", () => {
  let labs: Readonly<Record<"reference" | "ours", Lab>>;
  beforeAll(() => {
    labs = { reference: new Lab(), ours: new Lab() };
  });
  afterAll(() => {
    for (const lab of Object.values(labs)) lab.dispose();
  });

  it.each(ALL)("$plugin: $title: $reference", (one) => {
    const reference = play(labs.reference, referenceDir(), one);
    const ours = play(labs.ours, binDir, one);
    expect(ended(reference), reference.stdout).toEqual(expected(one.reference));
    expect(ended(ours), ours.stdout).toEqual(expected(one.ours ?? one.reference));
  });
});

/** Runs one case for a container of its own, in a network of its own. */
function play(lab: Lab, bin: string, one: Case): Outcome {
  const { plugin = "bridge", command = "ADD" } = one;
  const index = ALL.indexOf(one);
  const netns = path.join("/run/netns", `${lab.id}-c${index}`);
  if (!fs.existsSync(netns)) lab.addNamespace(`c${index}`);
  const ipam = { type: "host-local", dataDir: lab.dataDir, ranges: [[{ subnet: "10.9.0.0/24" }]], ...one.ipam };
  const base = { cniVersion: "1.1.0", name: `n${index}`, type: plugin, bridge: `br${index}`, ipam };
  const config = typeof one.config === "string" ? one.config : { ...base, ...one.config };
  return lab.plugin(plugin, { bin, command, netns, containerId: `c${index}`, ...one.call, config });
}

function ended({ status, stdout }: Outcome): unknown {
  return status === 0 ? { exit: 0 } : { exit: status, code: JSON.parse(stdout).code };
}

function expected(code: number): unknown {
  return code === 0 ? { exit: 0 } : { exit: 1, code };
}
