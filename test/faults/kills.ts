import { spawnSync } from "node:child_process";
import path from "node:path";
import { PROTOCOL } from "../../src/steps/source-rule.ts";
import type { Json } from "../fuzz/networks.ts";
import { Random } from "../fuzz/random.ts";
import { PLACES } from "../fuzz/scenario.ts";
import type { Ended } from "../fuzz/verdict.ts";
import { type Chain, chainOf } from "./chain.ts";
import type { Finding } from "./finding.ts";
import { differencesFrom, isLease, kindsOf, type Snapshot, takeSnapshot } from "./snapshot.ts";
import { NOBODY, Stage, type Ways } from "./stage.ts";

/** The chains whose processes die. */
export const KILLED = ["podman", "containerd", "iptables", "apart", "ptp", "sbr", "dhcp"] as const;

const SIGNALS = ["SIGKILL", "SIGTERM", "SIGINT"] as const;

/** What a runtime does after that. */
const AFTERWARDS = ["DEL", "DEL without namespace", "DEL after the namespace", "GC"] as const;

/** Kills a chain's ADD or DEL so often at moments that the seed picks; whatever comes after it, nothing is left. */
export async function playKills(
  name: string,
  { seed, most, until }: { seed: number; most: number; until: number },
): Promise<{ kills: number; findings: readonly Finding[] }> {
  const chain = chainOf(name);
  const stage = new Stage(chain, `--part kills --group ${name} --seed ${seed}`);
  stage.clear();
  const victim = new Victim(stage, new Random(seed, name.length));
  let before = settle(stage, chain);
  let kills = 0;
  while (kills < most && performance.now() < until) {
    stage.begin();
    const known = stage.findings.length;
    const { isHit, story } = await victim.round();
    if (isHit) kills++;
    const differences = differencesFrom(before, isKept);
    if (differences.length > 0)
      stage.find(`${name}: ${story}: left behind: ${kindsOf(differences)}`, differences.join("\n"));
    if (stage.findings.length === known) continue;
    stage.clear();
    before = settle(stage, chain);
  }
  return { kills, findings: stage.findings };
}

/** The first attachment makes what stays. */
function settle(stage: Stage, { plugins }: Chain): Snapshot {
  const results = stage.attach();
  for (const index of [...plugins.keys()].reverse()) stage.succeed(index, "DEL", { prevResult: results.at(-1) });
  return new Set([...takeSnapshot()].filter(isKept));
}

/** Not the settings of a container that is taken for gone, nor a lease that a killed ADD has not recorded yet: its server ends it. */
function isKept(line: string): boolean {
  return !line.startsWith("setting ") && !isLease(line);
}

/** Rounds of a chain, one of whose processes dies in each. */
class Victim {
  readonly #stage: Stage;
  readonly #random: Random;
  /** How long ADD and DEL of the chain took lately, in ms: the moments are spread over that. */
  readonly #spans = { ADD: 60, DEL: 60 };

  constructor(stage: Stage, random: Random) {
    this.#stage = stage;
    this.#random = random;
  }

  /** Attaches and detaches, one of them killed, and then what a runtime does. */
  async round(): Promise<{ isHit: boolean; story: string }> {
    const verb = this.#random.chance(0.75) ? "ADD" : "DEL";
    const signal = this.#random.pick(SIGNALS);
    const afterwards = this.#random.pick(AFTERWARDS);
    const results = verb === "DEL" ? [...this.#stage.attach()] : [];
    const isHit = await this.#killed(verb, signal, results);
    const prevResult = this.#random.chance(0.5) ? results.at(-1) : undefined;
    this.#finish(afterwards, prevResult === undefined ? {} : { prevResult });
    return { isHit, story: `${signal} in ${verb}, then ${afterwards}` };
  }

  /** Runs the chain; the process that runs at the moment is killed, or the group of it and its children. */
  async #killed(verb: "ADD" | "DEL", signal: NodeJS.Signals, results: Json[]): Promise<boolean> {
    const isGroup = this.#random.chance(0.5);
    const span = this.#spans[verb];
    const fraction = this.#random.below(1000) / 1000;
    let current = 0;
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      if (current !== 0) kill(isGroup ? -current : current, signal);
    }, fraction * span);
    const began = performance.now();
    const isHit = await this.#run(verb, results, (pid) => {
      current = pid;
      return isOver;
    });
    clearTimeout(timer);
    if (!isHit) this.#spans[verb] = (span + performance.now() - began) / 2;
    return isHit;
  }

  /** One plugin after the other until one does not end by itself. `next` is told the process; it says whether to stop. */
  async #run(verb: "ADD" | "DEL", results: Json[], next: (pid: number) => boolean): Promise<boolean> {
    const all = [...this.#stage.chain.plugins.keys()];
    for (const index of verb === "ADD" ? all : all.reverse()) {
      const { pid, ended } = this.#stage.start(index, verb, { prevResult: results.at(-1) });
      next(pid);
      const { status, signal, stdout } = await ended;
      const isOver = next(0);
      if (signal !== null) return true;
      if (status !== 0 && !isOver)
        this.#stage.find(`${this.#stage.nameOf(index)} ${verb} fails without a fault`, stdout);
      // A child of it has been killed, or it was about to end.
      if (status !== 0) return true;
      if (verb === "ADD") results.push(JSON.parse(stdout));
      if (isOver) return false;
    }
    return false;
  }

  #finish(afterwards: (typeof AFTERWARDS)[number], ways: Ways): void {
    const all = [...this.#stage.chain.plugins.keys()];
    const name = path.basename(PLACES.netns);
    if (afterwards === "GC") for (const index of all) this.#expect(index, "GC", NOBODY);
    if (afterwards === "DEL after the namespace") spawnSync("ip", ["netns", "del", name]);
    const netns = afterwards === "DEL without namespace" ? { netns: "" } : {};
    if (afterwards !== "GC") for (const index of all.reverse()) this.#expect(index, "DEL", { ...ways, ...netns });
    if (afterwards === "DEL after the namespace") spawnSync("ip", ["netns", "add", name]);
    // The rules of sbr end with the namespace, which these do not reach.
    if (afterwards === "GC" || afterwards === "DEL without namespace")
      for (const family of ["-4", "-6"])
        spawnSync("ip", ["-n", name, family, "rule", "flush", "protocol", String(PROTOCOL)]);
  }

  #expect(index: number, verb: string, ways: Ways): void {
    const { status, stdout }: Ended = this.#stage.call(index, verb, ways);
    if (status !== 0) this.#stage.find(`${this.#stage.nameOf(index)} ${verb} fails after a kill`, stdout);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
