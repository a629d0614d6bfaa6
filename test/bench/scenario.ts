import fs from "node:fs";
import path from "node:path";
import type { Contender, Cost, Entry } from "./contender.ts";

/** What each contender's calls cost, by command and then contender's name. */
export type Round = Readonly<Record<string, Readonly<Record<string, Cost>>>>;

/** Folders of executables, by the name that a contender has. */
export type Folder = "reference" | "dist/bin" | "dist/pkg";

type Config = Readonly<Record<string, unknown>>;

export interface Scenario {
  readonly title: string;
  readonly contenders: readonly (Omit<Entry, "bin"> & { readonly folder: Folder })[];
  /** Contenders that the others are compared with. */
  readonly references: readonly string[];
  /** The part of all rounds that this scenario is given: those that take long need fewer. */
  readonly share: number;
  /** One round: each command by each contender in turn, A B C, then the next command. */
  readonly play: (contenders: readonly Contender[]) => Round;
}

/** How many calls come at once. */
const CROWD = Array.from({ length: 20 }, (_, i) => `c${i + 1}`);

const MASQUERADE = { ipMasq: true };

/** The network of every scenario that is about one plugin. */
function bridge(config: Config = {}) {
  const ranges = [[{ subnet: "10.1.0.0/16" }]];
  const ipam = { type: "host-local", ranges, routes: [{ dst: "0.0.0.0/0" }] };
  return { type: "bridge", bridge: "bench0", isGateway: true, ipam, ...config };
}

/** The list that podman ships, with two published ports. */
const PODMAN = [
  bridge({ ipMasq: true, hairpinMode: true }),
  {
    type: "portmap",
    capabilities: { portMappings: true },
    runtimeConfig: {
      portMappings: [
        { hostPort: 18080, containerPort: 80, protocol: "tcp" },
        { hostPort: 18443, containerPort: 443, protocol: "tcp" },
      ],
    },
  },
  { type: "firewall" },
  { type: "tuning" },
];

/** The list of containerd's documentation, less the second family. */
const CONTAINERD = [{ type: "loopback" }, bridge({ ipMasq: true, promiscMode: true }), ...PODMAN.slice(1, 2)];

export const SCENARIOS: readonly Scenario[] = [
  {
    ...compare("plain", [bridge()]),
    play: (contenders) => ({ VERSION: turn(contenders, "VERSION"), ...attachment(contenders) }),
  },
  withNftables({ ...compare("ipMasq", [bridge(MASQUERADE)]), play: attachment }),
  { ...compare("20 at once", [bridge()], { share: 0.25 }), play: crowd },
  withNftables({ ...compare("20 at once, ipMasq", [bridge(MASQUERADE)], { share: 0.25 }), play: crowd }),
  { ...compare("100 on the bridge", [bridge()], { share: 0.5, attached: 100 }), play: attachment },
  ...[20, 2_000, 20_000].map((leases) => ({
    ...compare(`${leases.toLocaleString("en")} leases`, [bridge()], { share: 0.5, leases }),
    play: attachment,
  })),
  { ...compare("containerd's list", CONTAINERD, { share: 0.5 }), play: attachment },
  { ...compare("podman's list", PODMAN, { share: 0.5 }), play: attachment },
  { ...compare("cold", [bridge()], { share: 0.1 }), play: cold },
];

/** Whether all that a scenario needs is in these folders; they may lack plugins. */
export function isPlayable({ contenders }: Scenario, folders: Readonly<Record<Folder, string>>): boolean {
  return contenders.every(({ folder, plugins }) =>
    plugins.every(({ type }) => fs.existsSync(path.join(folders[folder], type))),
  );
}

function compare(
  title: string,
  plugins: Entry["plugins"],
  { share = 1, ...state }: { share?: number; attached?: number; leases?: number } = {},
): Omit<Scenario, "play"> {
  const folders: readonly Folder[] = ["reference", "dist/bin", "dist/pkg"];
  return {
    title,
    share,
    references: ["reference"],
    contenders: folders.map((folder) => ({ name: folder, folder, plugins, ...state })),
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

/** ADD, CHECK, DEL of one attachment, prevResult handed on as a runtime does. */
function attachment(contenders: readonly Contender[]): Round {
  return { ADD: turn(contenders, "ADD"), CHECK: turn(contenders, "CHECK"), DEL: turn(contenders, "DEL") };
}

function crowd(contenders: readonly Contender[]): Round {
  return { ADD: turn(contenders, "ADD", CROWD), DEL: turn(contenders, "DEL", CROWD) };
}

/** Nothing of the executables, nor of any other file, is in memory before each ADD. */
function cold(contenders: readonly Contender[]): Round {
  const ADD: Record<string, Cost> = {};
  for (const contender of contenders) {
    dropCaches();
    ADD[contender.name] = contender.run("ADD");
    contender.run("DEL");
  }
  return { ADD };
}

function turn(contenders: readonly Contender[], command: string, containers?: readonly string[]): Record<string, Cost> {
  return Object.fromEntries(contenders.map((contender) => [contender.name, contender.run(command, containers)]));
}

/** Page cache, directory entries and inodes. proc_sys_vm(5), drop_caches */
function dropCaches(): void {
  fs.writeFileSync("/proc/sys/vm/drop_caches", "3");
}
