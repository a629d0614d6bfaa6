import fs from "node:fs";
import path from "node:path";
import { kernelHasKind } from "../link-kind.ts";
import type { Contender, Port } from "./contender.ts";
import { Netavark } from "./netavark.ts";
import { type Plugin, PluginList } from "./plugin-list.ts";
import { addAndDelete, attachment, cold, crowd, everyCommand, type Round } from "./round.ts";

/** Whose executables take part. */
export const ORIGINS = ["reference", "dist/bin", "dist/pkg", "netavark"] as const;
export type Origin = (typeof ORIGINS)[number];

/** Where they are: a folder of plugins, or netavark's file. */
export type Places = ReadonlyMap<Origin, string>;

/** What a contender runs, and what is there before it does. */
export interface Entry {
  readonly name: string;
  readonly origin: Origin;
  readonly plugins: readonly Plugin[];
  /** What each container publishes. */
  readonly ports?: readonly Port[];
  /** Attachments that are there while it is measured. */
  readonly attached?: number;
  /** Leases of nobody's in the network's folder. */
  readonly leases?: number;
  /** Services of a cluster that the host has rules of kube-proxy for. */
  readonly services?: number;
  /** The kind of link that not every kernel has. */
  readonly kind?: string;
}

export interface Scenario {
  readonly title: string;
  readonly contenders: readonly Entry[];
  /** Contenders that the others are compared with. */
  readonly references: readonly string[];
  /** The part of all rounds that this scenario is given: those that take long need fewer. */
  readonly share: number;
  /** One round: each command by each contender in turn, A B C, then the next command. */
  readonly play: (contenders: readonly Contender[]) => Round;
}

const MASQUERADE = { ipMasq: true };

/** The network of every scenario that is about one plugin. */
function bridge(config: Readonly<Record<string, unknown>> = {}) {
  const ranges = [[{ subnet: "10.1.0.0/16" }]];
  const ipam = { type: "host-local", ranges, routes: [{ dst: "0.0.0.0/0" }] };
  return { type: "bridge", bridge: "bench0", isGateway: true, ipam, ...config };
}

/** One address; a round has one container at a time. */
const STATIC = { type: "static", addresses: [{ address: "10.1.0.2/16", gateway: "10.1.0.1" }] };

const MACVLAN = {
  type: "macvlan",
  master: "uplink0",
  ipam: { type: "host-local", ranges: [[{ subnet: "10.1.0.0/16" }]], routes: [{ dst: "0.0.0.0/0" }] },
};

/** One link above another of the host's. */
const above = (type: string, config: Readonly<Record<string, unknown>> = {}) => ({ ...MACVLAN, ...config, type });

const DUMMY = { type: "dummy", ipam: MACVLAN.ipam };

/** The bridge leads to a DHCP server. The Go plugin asks its daemon. */
const DHCP = bridge({ isGateway: false, ipam: { type: "dhcp" } });

const PORTMAP = { type: "portmap", capabilities: { portMappings: true } };

/** A network without a bridge. */
function ptp(config: Readonly<Record<string, unknown>> = {}) {
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.1.0.0/16" }]], routes: [{ dst: "0.0.0.0/0" }] };
  return { type: "ptp", ipam, ...config };
}

/** A network whose addresses have routing tables of their own. */
const ROUTED_BY_SOURCE = [bridge(), { type: "sbr" }];

/** A network whose interfaces are in a VRF of the container. */
const IN_A_VRF = [bridge(), { type: "vrf", vrfname: "red" }];

/** The list that podman ships. */
const PODMAN = [bridge({ ipMasq: true, hairpinMode: true }), PORTMAP, { type: "firewall" }, { type: "tuning" }];

/** The list of containerd's documentation, less the second family. */
const CONTAINERD = [{ type: "loopback" }, bridge({ ipMasq: true, promiscMode: true }), PORTMAP];

const TWO_TCP: readonly Port[] = [
  { containerPort: 80, protocol: "tcp" },
  { containerPort: 443, protocol: "tcp" },
];

/** What containers publish, by how a title names it. */
const PUBLISHED: Readonly<Record<string, readonly Port[]>> = {
  "no ports": [],
  "two tcp ports": TWO_TCP,
  "a tcp and a udp port": [
    { containerPort: 80, protocol: "tcp" },
    { containerPort: 53, protocol: "udp" },
  ],
};

/** A device of the host that each container gets in its turn. */
const DEVICE = { type: "host-device", device: "card0" };

/** The Go plugin needs no command to make it. */
const TAP = { type: "tap", owner: 0, group: 0 };

export const SCENARIOS: readonly Scenario[] = [
  { ...compare("plain", [bridge()]), play: everyCommand },
  withNftables({ ...compare("ipMasq", [bridge(MASQUERADE)]), play: attachment }),
  { ...compare("loopback", [{ type: "loopback" }]), play: attachment },
  { ...compare("static", [bridge({ ipam: STATIC })]), play: attachment },
  { ...compare("macvlan", [MACVLAN]), play: attachment },
  { ...compare("ipvlan", [above("ipvlan")], { kind: "ipvlan" }), play: attachment },
  { ...compare("vlan", [above("vlan", { vlanId: 7 })], { kind: "vlan" }), play: attachment },
  { ...compare("dummy", [DUMMY], { kind: "dummy" }), play: attachment },
  { ...compare("dhcp", [DHCP], { share: 0.5 }), play: addAndDelete },
  { ...compare("ptp", [ptp()]), play: everyCommand },
  { ...compare("ptp, ipMasq", [ptp(MASQUERADE)], { share: 0.5 }), play: attachment },
  { ...compare("bridge and sbr", ROUTED_BY_SOURCE, { share: 0.5 }), play: addAndDelete },
  { ...compare("bridge and vrf", IN_A_VRF, { share: 0.5, kind: "vrf" }), play: addAndDelete },
  { ...compare("host-device", [DEVICE]), play: attachment },
  { ...compare("tap", [TAP]), play: attachment },
  { ...compare("20 at once", [bridge()], { share: 0.5 }), play: crowd },
  withNftables({ ...compare("20 at once, ipMasq", [bridge(MASQUERADE)], { share: 0.25 }), play: crowd }),
  { ...compare("100 on the bridge", [bridge()], { share: 0.5, attached: 100 }), play: attachment },
  ...[20, 2_000, 20_000].map((leases) => ({
    ...compare(`${leases.toLocaleString("en")} leases`, [bridge()], { share: 0.5, leases }),
    play: attachment,
  })),
  { ...compare("containerd's list", CONTAINERD, { share: 0.5, ports: TWO_TCP }), play: attachment },
  {
    ...compare("containerd's list, 10,000 services", CONTAINERD, { share: 0.25, ports: TWO_TCP, services: 10_000 }),
    play: attachment,
  },
  ...Object.entries(PUBLISHED).map(([name, ports]) => podman(name, { share: 0.5, ports, play: addAndDelete })),
  ...Object.entries(PUBLISHED).map(([name, ports]) =>
    podman(`${name}, 20 at once`, { share: 0.25, ports, play: crowd }),
  ),
  { ...compare("cold", [bridge()], { share: 0.5 }), play: cold },
];

/** The scenario with those contenders alone that have a place, compared with each other. */
export function restrict(scenario: Scenario, places: Places): Scenario {
  const contenders = scenario.contenders.filter(({ origin }) => places.has(origin));
  const references = scenario.references.filter((reference) => contenders.some(({ name }) => name === reference));
  return { ...scenario, contenders, references };
}

/** Whether all that a scenario needs is there: a folder may lack plugins, and a kernel kinds of link. */
export function isPlayable({ contenders }: Scenario, places: Places): boolean {
  return contenders.every(({ origin, plugins, kind }) => {
    const place = places.get(origin) ?? "";
    if (kind !== undefined && !kernelHasKind(kind)) return false;
    return origin === "netavark" || plugins.every(({ type }) => fs.existsSync(path.join(place, type)));
  });
}

/** A contender in a lab of its own, with the attachments and leases that are to be there. */
export function enter({ attached = 0, ...entry }: Entry, places: Places): Contender {
  const place = places.get(entry.origin) ?? "";
  const contender =
    entry.origin === "netavark"
      ? new Netavark({ ...entry, file: place })
      : new PluginList({ ...entry, bin: place, needsDaemon: entry.origin === "reference" });
  try {
    for (let i = 0; i < attached; i++) contender.run("ADD", [`other${i}`]);
    return contender;
  } catch (error) {
    contender.dispose();
    throw error;
  }
}

function compare(
  title: string,
  plugins: readonly Plugin[],
  { share = 1, ...state }: Pick<Entry, "ports" | "attached" | "leases" | "services" | "kind"> & { share?: number } = {},
): Omit<Scenario, "play"> {
  const origins: readonly Origin[] = ["reference", "dist/bin", "dist/pkg"];
  return {
    title,
    share,
    references: ["reference"],
    contenders: origins.map((origin) => ({ name: origin, origin, plugins, ...state })),
  };
}

/** Podman's list beside netavark, which took its place. One container is there all the time, for netavark deletes a bridge without any. */
function podman(
  name: string,
  { play, ...state }: { share: number; ports: readonly Port[]; play: Scenario["play"] },
): Scenario {
  const scenario = compare(`podman's list, ${name}`, PODMAN, { ...state, attached: 1 });
  const [reference, ...ours] = scenario.contenders;
  if (reference === undefined) return { ...scenario, play };
  const netavark: Entry = { ...reference, name: "netavark", origin: "netavark", plugins: [] };
  return {
    ...scenario,
    references: [...scenario.references, netavark.name],
    contenders: [reference, netavark, ...ours],
    play,
  };
}

/** The reference masquerades by iptables unless it is told otherwise. */
function withNftables(scenario: Scenario): Scenario {
  const name = "reference, nftables";
  const plugins = [bridge({ ...MASQUERADE, ipMasqBackend: "nftables" })];
  const [reference, ...ours] = scenario.contenders;
  if (reference === undefined) return scenario;
  return {
    ...scenario,
    references: [...scenario.references, name],
    contenders: [reference, { ...reference, name, plugins }, ...ours],
  };
}
