import fs from "node:fs";
import path from "node:path";
import type { Outcome } from "../lab.ts";
import type { Finding } from "./finding.ts";
import { type Json, type JsonObject, PLUGINS } from "./networks.ts";
import { Random } from "./random.ts";
import { type Call, callOf, makeScenario, PLACES, type Scenario, strayCall } from "./scenario.ts";
import { formatDocument } from "./value.ts";
import { judge, judgeTool, type Wrong } from "./verdict.ts";
import { clearWorld, findTraces, run } from "./world.ts";

/** One scenario while it is played: the calls so far, and the first thing that is wrong. */
class Play {
  readonly calls: string[] = [];
  wrong: Wrong | undefined;
  /** Whether a call was to change the world. */
  hasTouched = false;

  call(call: Call): Outcome {
    const outcome = run([`${PLACES.bin}/${call.name}`], call);
    this.note(call, outcome);
    this.wrong ??= judge(call, outcome);
    return outcome;
  }

  tool(args: readonly string[], environment: Readonly<Record<string, string>>): Outcome {
    const outcome = run([`${PLACES.bin}/cnictl`, ...args], { stdin: "", environment });
    this.note({ name: "cnictl", stdin: args.join(" "), environment }, outcome);
    this.wrong ??= judgeTool(args[0] ?? "", outcome);
    return outcome;
  }

  fail(kind: string, text: string): void {
    this.wrong ??= { kind, text };
  }

  note({ name, stdin, environment }: Call, { status, stdout, stderr }: Outcome): void {
    this.hasTouched ||= name === "cnictl" || !["VERSION", "STATUS", "CHECK"].includes(environment["CNI_COMMAND"] ?? "");
    const variables = Object.entries(environment).filter(([key]) => key !== "PATH");
    const isText = typeof stdin === "string" && !/[^\n -\u{10ffff}]/u.test(stdin);
    const input = isText ? stdin : `base64 ${Buffer.from(stdin).toString("base64")}`;
    const answer = `${stdout}${stderr}`.replaceAll(/\s+/g, " ").slice(0, 300);
    this.calls.push(
      `${variables.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(" ")} ${name} <<< ${input.slice(0, 6000)}`,
      `  -> ${status} ${answer}`,
    );
  }
}

/** Plays the scenario of a number; what is wrong with it, with as few changes as show it. */
export function playScenario(seed: number, number: number): { readonly finding?: Finding; readonly calls: number } {
  const scenario = makeScenario(seed, number);
  const play = playOnce(scenario, seed, number);
  if (play.wrong === undefined) return { calls: play.calls.length / 2 };
  const { kind } = play.wrong;
  let smallest = play;
  const without = new Set<number>();
  for (const change of scenario.changes) {
    const smaller = playOnce(makeScenario(seed, number, new Set([...without, change])), seed, number);
    if (smaller.wrong?.kind !== kind) continue;
    smallest = smaller;
    without.add(change);
  }
  return {
    calls: play.calls.length / 2,
    finding: { kind, seed, number, text: smallest.wrong?.text ?? "", input: smallest.calls },
  };
}

function playOnce(scenario: Scenario, seed: number, number: number): Play {
  const random = new Random(seed, number, 1000);
  const play = new Play();
  const kind = random.below(20);
  if (kind < 6) playStray(play, scenario, random);
  else if (kind < 8) playTool(play, scenario, random);
  else playChain(play, scenario, random);
  if (play.hasTouched) clearWorld();
  return play;
}

/** One call, be it sense or nonsense; an ADD that was refused leaves nothing, any other one nothing after DEL. */
function playStray(play: Play, scenario: Scenario, random: Random): void {
  const call = strayCall(random, scenario);
  const { status } = play.call(call);
  if (call.environment["CNI_COMMAND"] === "ADD" && status === 0)
    play.call({ ...call, environment: { ...call.environment, CNI_COMMAND: "DEL" } });
  expectNoTraces(play, scenario, "left behind by one call");
}

/** A list as a runtime runs it: ADD in order, CHECK and STATUS, DEL in reverse, GC. */
function playChain(play: Play, scenario: Scenario, random: Random): void {
  const { environment } = scenario;
  const { added, prevResult } = attach(play, scenario);
  if (added === 0 && random.chance(0.3)) expectNoTraces(play, scenario, "left behind by an ADD that was refused");
  else {
    inspect(play, scenario, { added, prevResult }, random);
    const variables = random.chance(0.1) ? { ...environment, CNI_NETNS: "" } : environment;
    const known = random.chance(0.8) ? prevResult : undefined;
    const seen = { ...scenario, environment: variables };
    detach(play, seen, { added, prevResult: known });
    expectNoTraces(play, seen, "left behind after DEL and GC");
  }
}

function inspect(
  play: Play,
  { plugins, environment }: Scenario,
  { added, prevResult }: Attached,
  random: Random,
): void {
  const checked = added === plugins.length ? plugins : [];
  for (const plugin of checked) play.call(callOf("CHECK", withResult(plugin, prevResult), environment));
  for (const plugin of plugins) if (random.chance(0.2)) play.call(callOf("STATUS", plugin, environment));
}

/** How many plugins took ADD, and the last one's result. */
interface Attached {
  readonly added: number;
  readonly prevResult: Json | undefined;
}

function attach(play: Play, { plugins, environment }: Scenario): Attached {
  let prevResult: Json | undefined;
  for (const [added, plugin] of plugins.entries()) {
    const { status, stdout } = play.call(callOf("ADD", withResult(plugin, prevResult), environment));
    if (status !== 0) return { added, prevResult };
    prevResult = parse(stdout);
  }
  return { added: plugins.length, prevResult };
}

function detach(play: Play, { plugins, environment }: Scenario, { added, prevResult }: Attached): void {
  for (const [index, plugin] of [...plugins.entries()].reverse()) {
    const call = callOf("DEL", withResult(plugin, prevResult), environment);
    const { status, stdout } = play.call(call);
    if (index < added && status !== 0) play.fail(`${call.name}: DEL refuses what ADD took`, stdout);
  }
  for (const plugin of plugins) play.call(callOf("GC", { ...plugin, "cni.dev/valid-attachments": [] }, environment));
}

/** The same by cnictl, which keeps results in a cache; that is spoiled now and then. */
function playTool(play: Play, { plugins, environment }: Scenario, random: Random): void {
  const folder = "/var/lib/fuzz/net.d";
  const name = typeof plugins[0]?.["name"] === "string" ? plugins[0]["name"] : "n";
  const cniVersion = plugins[0]?.["cniVersion"] ?? "1.1.0";
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "a.conflist"), formatDocument({ cniVersion, name, plugins: [...plugins] }));
  const { CNI_NETNS = "", ...rest } = environment;
  const variables = { ...rest, NETCONFPATH: folder };
  const target = [name, CNI_NETNS, ...(random.chance(0.5) ? ["--json"] : [])].filter((text) => !text.includes("\0"));
  play.tool(["add", ...target], variables);
  const isSpoiled = random.chance(0.4);
  if (isSpoiled) spoilCache(random);
  for (const verb of ["check", "status", "del", "gc"])
    play.tool(verb === "status" || verb === "gc" ? [verb, ...target.slice(0, 1)] : [verb, ...target], variables);
  // A list whose plugin is missing cannot be gone through, as with every runtime.
  const isWhole = plugins.every(({ type }) => PLUGINS.includes(String(type)));
  if (!isSpoiled && isWhole) expectNoTraces(play, { environment }, "left behind after cnictl del and gc");
}

function spoilCache(random: Random): void {
  const results = path.join(PLACES.state, "results");
  for (const name of fs.existsSync(results) ? fs.readdirSync(results) : []) {
    const bytes = fs.readFileSync(path.join(results, name));
    const at = random.below(bytes.length + 1);
    fs.writeFileSync(
      path.join(results, name),
      random.chance(0.3) ? bytes.subarray(0, at) : bytes.fill(random.below(256), at, at + 1 + random.below(3)),
    );
  }
}

function expectNoTraces(play: Play, { environment }: Pick<Scenario, "environment">, kind: string): void {
  const traces = findTraces(environment);
  if (traces.length > 0) play.fail(`${kind}: ${traces[0]?.split(" ")[0] ?? ""}`, traces.slice(0, 20).join("\n"));
}

function withResult(plugin: JsonObject, prevResult: Json | undefined): JsonObject {
  return prevResult === undefined ? plugin : { ...plugin, prevResult };
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
