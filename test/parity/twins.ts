import { expect } from "vitest";
import { binDir, type Call, Lab, type Outcome } from "../lab.ts";
import { EVERYWHERE } from "./departures.ts";
import { covers, type Departure, type Difference, differences } from "./difference.ts";
import { Names } from "./names.ts";
import { missesNoChain, referenceDir } from "./reference.ts";
import { type Link, type NamespaceState, readLeases, readNamespace } from "./snapshot.ts";

/** A link's MTU in a result, which only ours report. */
const LINK_MTU = /\n *"mtu": \d+,(?=\n *"name": )/g;

const MAC = /([0-9a-f]{2}:){5}[0-9a-f]{2}/g;

type Config = Readonly<Record<string, unknown>>;

export interface StepOptions extends Partial<Omit<Call, "command" | "config">> {
  /** The reference has to fail here. Unless told, it has to succeed: a scenario that goes wrong on both sides compares nothing. */
  readonly fails?: boolean;
  readonly plugin?: string;
}

/** One of the two that are compared: a lab, a folder of executables, and all that was seen after each step. */
export class Side {
  readonly lab = new Lab();
  readonly seen: Record<string, unknown> = {};
  readonly #containers = new Map<string, string>();
  readonly #names: Names;
  readonly bin: string;
  readonly isReference: boolean;

  constructor(bin: string, options: { isReference: boolean; macs?: readonly string[] }) {
    this.bin = bin;
    this.isReference = options.isReference;
    this.#names = new Names({ [this.lab.id]: "LAB", [this.lab.dir]: "DIR" }, options.macs ?? []);
    // Addresses of the host's own links are there at once, in both labs alike; a container's are the plugin's affair.
    for (const [name, value] of [
      ["accept_dad", "0"],
      ["dad_transmits", "0"],
    ] as const)
      this.lab.run(["sh", "-c", `echo ${value} > /proc/sys/net/ipv6/conf/default/${name}`]);
  }

  /** The namespace of a container, made when it is first named. */
  netns(container = "c1"): string {
    const netns = this.#containers.get(container) ?? this.lab.addNamespace(container);
    this.#containers.set(container, netns);
    return netns;
  }

  /** Takes a container's namespace away, as a runtime does that removes it before it calls DEL, and waits until its links are gone. */
  removeNetns(container = "c1"): void {
    this.lab.deleteNamespace(this.netns(container));
    this.#containers.delete(container);
    const isVeth = ({ ifname }: Link) => /^veth[0-9a-f]{8}$/.test(ifname);
    for (const deadline = Date.now() + 5000; Object.values(readNamespace(this.lab, this.lab.host).links).some(isVeth); )
      if (Date.now() > deadline) throw new Error(`The kernel keeps the links of ${container}`);
  }

  /** The host's end of the only attachment. */
  hostLink(): string {
    const links = Object.keys(readNamespace(this.lab, this.lab.host).links).filter((name) =>
      /^veth[0-9a-f]{8}$/.test(name),
    );
    if (links[0] === undefined || links.length > 1) throw new Error(`Expected one veth, found ${links.join(", ")}`);
    return links[0];
  }

  /** ADD by this side's plugin; returns the decoded result. */
  add(config: Config, options: StepOptions = {}): unknown {
    const { stdout } = this.step("ADD", config, options);
    return options.fails === true ? undefined : JSON.parse(stdout);
  }

  check(config: Config, options: StepOptions = {}): void {
    this.step("CHECK", config, options);
  }

  del(config: Config, options: StepOptions = {}): void {
    this.step("DEL", config, options);
  }

  /** Runs a plugin for container c1 unless told, and takes down how it ended and what then is. */
  step(command: string, config: Config, options: StepOptions): Outcome {
    const { fails = false, plugin = "bridge", ...call } = options;
    const containerId = call.containerId ?? "c1";
    const netns = call.netns ?? this.netns(containerId);
    const full = { bin: this.bin, ...call, netns, command, config, containerId };
    const ended = this.lab.plugin(plugin, full);
    const isDone = full.bin !== binDir && command === "DEL" && missesNoChain(ended);
    const outcome = isDone ? { ...ended, status: 0, stdout: "" } : ended;
    if (this.isReference && (outcome.status !== 0) !== fails)
      throw new Error(`The reference's ${command} ended with ${outcome.status}: ${outcome.stdout}${outcome.stderr}`);
    const title = `${command} ${containerId}`;
    // What a failed call leaves is no promise of the reference's; the DEL that follows is compared again.
    if (fails) this.note(title, { exit: outcome.status, ...decodeOutput(outcome) });
    else this.observe(title, { exit: outcome.status, ...decodeOutput(outcome) });
    return outcome;
  }

  /** Takes down something that the scenario found out. */
  note(title: string, found: object): void {
    this.seen[`${Object.keys(this.seen).length + 1}:${title}`] = this.#names.replace(found);
  }

  /** Takes down what there is now. */
  observe(title: string, extra: object = {}): void {
    const state = new Map<string, NamespaceState>([["host", readNamespace(this.lab, this.lab.host)]]);
    for (const [name, netns] of this.#containers) state.set(name, readNamespace(this.lab, netns));
    for (const [name, namespace] of state) this.#names.learn(name, namespace);
    const places = Object.fromEntries(
      [...state].map(([name, { routes, ...rest }]) => [name, { ...rest, routes: count(this.#names.replace(routes)) }]),
    );
    this.note(title, { ...extra, leases: readLeases(this.lab), ...places });
  }
}

/** What a plugin printed: a result, also as text, for its order and layout count; or an error's code, for its words are ours. */
function decodeOutput({ status, stdout }: Outcome): object {
  if (status !== 0) return { error: JSON.parse(stdout).code };
  if (stdout === "") return { result: "" };
  return { result: JSON.parse(stdout), layout: stdout.replaceAll(LINK_MTU, "").replaceAll(MAC, "MAC").split("\n") };
}

/** Lines as keys: the order in which the kernel lists routes does not matter. */
function count(lines: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of lines) counts[line] = (counts[line] ?? 0) + 1;
  return counts;
}

/**
 * Plays a scenario with the reference and with ours, each in a lab of its own, and expects to have seen the same after every step, but for
 * the departures that are meant everywhere and those given, each of which has to show.
 */
export function expectTwins(
  scenario: (side: Side) => void,
  options: { departures?: readonly Departure[]; macs?: readonly string[] } = {},
): void {
  const reference = play(scenario, referenceDir(), { ...options, isReference: true });
  const ours = play(scenario, binDir, { ...options, isReference: false });
  const departures = options.departures ?? [];
  const found = [...differences(reference, ours)];
  const unmeant = found.filter((one) => ![...EVERYWHERE, ...departures].some((departure) => covers(departure, one)));
  expect(unmeant.map(formatDifference), "differences from the reference").toEqual([]);
  const unseen = departures.filter((departure) => !found.some((one) => covers(departure, one)));
  expect(unseen, "departures that did not show").toEqual([]);
}

function formatDifference({ path, reference, ours }: Difference): string {
  return `${path}: reference ${JSON.stringify(reference)}, ours ${JSON.stringify(ours)}`;
}

function play(
  scenario: (side: Side) => void,
  bin: string,
  options: { isReference: boolean; macs?: readonly string[] },
): Record<string, unknown> {
  const side = new Side(bin, options);
  try {
    scenario(side);
    return side.seen;
  } finally {
    side.lab.dispose();
  }
}

/** Plays a scenario with each and returns what both came to. */
export function playBoth<T>(scenario: (side: Side) => T): { reference: T; ours: T } {
  const play = (bin: string) => {
    const side = new Side(bin, { isReference: false });
    try {
      return scenario(side);
    } finally {
      side.lab.dispose();
    }
  };
  return { reference: play(referenceDir()), ours: play(binDir) };
}
