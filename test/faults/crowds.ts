import { spawnSync } from "node:child_process";
import fs from "node:fs";
import type { Json, JsonObject } from "../fuzz/networks.ts";
import { PLACES } from "../fuzz/scenario.ts";
import type { Ended } from "../fuzz/verdict.ts";
import { clearWorld } from "../fuzz/world.ts";
import { NETWORKS, networkOf } from "./crowd-networks.ts";
import type { Finding } from "./finding.ts";
import { differencesFrom, kindsOf, type Snapshot, takeSnapshot } from "./snapshot.ts";
import { NOBODY, Stage, type Ways } from "./stage.ts";

/** Whom a crowd consists of. */
interface Member {
  readonly stage: Stage;
  readonly ways: Ways & { readonly id: string };
  readonly isReference: boolean;
}

/** More containers than the network has addresses: as many as there are get one each, the others are told so, and nothing is left. */
export async function playContenders(count: number): Promise<readonly Finding[]> {
  const stage = new Stage(networkOf(0, "10.1.2.0/24"), "--part crowds --group contenders");
  const { members, before } = gather([stage], { count, reference: undefined });
  const added = await Promise.all(members.map((member) => run(member, "ADD")));
  const good = added.filter(({ status }) => status === 0);
  const codes = new Set(
    added.filter(({ status }) => status !== 0).map(({ stdout }) => String(Object(parse(stdout)).code)),
  );
  const wanted = Math.min(count, 253);
  const addresses = new Set(good.map(addressOf));
  const facts = `${good.length} of ${count}, ${addresses.size} addresses, codes ${[...codes].join(", ")}`;
  if (good.length !== wanted || addresses.size !== wanted || [...codes].some((code) => code !== "100"))
    stage.find(`contenders: not ${wanted} of ${count} get an address each`, facts);
  await Promise.all(members.map((member) => run(member, "DEL")));
  expectAsBefore(stage, "contenders", before);
  dismiss(members);
  return stage.findings;
}

/** Containers on ten networks at once, some by the reference's executables, with GC, STATUS and CHECK between: each gets what it asks for. */
export async function playCrowd(count: number, reference: string | undefined): Promise<readonly Finding[]> {
  const repeat = "--part crowds --group networks";
  const stages = Array.from({ length: NETWORKS }, (_, number) => new Stage(networkOf(number), repeat));
  const { members, before } = gather(stages, { count, reference });
  const results = new Map<Member, Json>();
  await Promise.all(
    members.map(async (member, number) => {
      const added = await run(member, "ADD");
      expectSuccess(member, added);
      if (added.status !== 0) return;
      results.set(member, parse(added.stdout));
      const checked = run(member, "CHECK", { prevResult: parse(added.stdout) });
      const others = number % 5 === 0 ? [run(member, "STATUS"), collect(member, members)] : [];
      for (const ended of await Promise.all([checked, ...others])) expectSuccess(member, ended);
    }),
  );
  expectDistinct(stages[0], members, results);
  await Promise.all(
    members.map(async (member, number) => {
      const ended = await Promise.all([run(member, "DEL"), ...(number % 5 === 0 ? [collect(member, members)] : [])]);
      for (const each of ended) expectSuccess(member, each);
    }),
  );
  // The reference's DEL knows nothing of our records; GC takes those that no ADD at work can have made.
  for (const each of stages) {
    ageRecords(each.chain.name);
    each.succeed(0, "GC", NOBODY);
  }
  const [stage] = stages;
  if (stage !== undefined) expectAsBefore(stage, "networks", before);
  dismiss(members);
  return stages.flatMap(({ findings }) => findings);
}

/** A container for each member, and what there is once each network has had an attachment. */
function gather(
  stages: readonly Stage[],
  { count, reference }: { count: number; reference: string | undefined },
): { members: readonly Member[]; before: Snapshot } {
  clearWorld();
  for (const stage of stages) {
    const results = stage.attach();
    for (const index of [...stage.chain.plugins.keys()].reverse())
      stage.succeed(index, "DEL", { prevResult: results.at(-1) });
  }
  const members = Array.from({ length: count }, (_, number): Member => {
    const id = `n${number}`;
    spawnSync("ip", ["netns", "add", id]);
    const isReference = reference !== undefined && number % 4 === 3;
    const bin = isReference ? { bin: reference } : {};
    const ways = { id, netns: `/run/netns/${id}`, container: number, ...bin };
    return { stage: stages[number % stages.length] as Stage, ways, isReference };
  });
  return { members, before: takeSnapshot() };
}

function dismiss(members: readonly Member[]): void {
  for (const { ways } of members) spawnSync("ip", ["netns", "del", ways.id]);
}

/** A verb of the bridge, which is all of such a chain. Tries again where it is told to. */
async function run({ stage, ways }: Member, verb: string, more: Ways = {}): Promise<Ended> {
  for (let tries = 1; ; tries++) {
    const ended = await stage.start(0, verb, { ...ways, ...more }).ended;
    if (ended.status === 0 || Object(parse(ended.stdout)).code !== 11 || tries === 5) return ended;
  }
}

/** GC by ours, which is told of all members of the network. */
function collect({ stage, ways }: Member, members: readonly Member[]): Promise<Ended> {
  const valid: JsonObject[] = members
    .filter((member) => member.stage === stage)
    .map((member) => ({ containerID: member.ways.id, ifname: "eth0" }));
  const told = { "cni.dev/valid-attachments": valid };
  return run({ stage, ways: { ...ways, bin: PLACES.bin }, isReference: false }, "GC", { members: told });
}

/** Dates a network's records back by two minutes. */
function ageRecords(network: string): void {
  const folder = `${PLACES.state}/networks/${network}/.state/attachments`;
  const then = Date.now() / 1000 - 120;
  for (const name of fs.readdirSync(folder)) fs.lutimesSync(`${folder}/${name}`, then, then);
}

function expectSuccess({ stage, isReference }: Member, { status, stdout, stderr }: Ended): void {
  if (status !== 0)
    stage.find(
      `networks: a call fails in a crowd${isReference ? ", beside the reference's" : ""}`,
      `${stdout}${stderr}`,
    );
}

function expectDistinct(
  stage: Stage | undefined,
  members: readonly Member[],
  results: ReadonlyMap<Member, Json>,
): void {
  const all = members.flatMap((member) => {
    const result = results.get(member);
    return result === undefined ? [] : [`${member.stage.chain.name} ${addressIn(result)}`];
  });
  if (new Set(all).size !== all.length) stage?.find("networks: one address for two containers", all.sort().join("\n"));
}

function expectAsBefore(stage: Stage, name: string, before: Snapshot): void {
  const differences = differencesFrom(before);
  if (differences.length > 0)
    stage.find(`${name}: left behind: ${kindsOf(differences)}`, differences.slice(0, 40).join("\n"));
}

function addressOf({ stdout }: Ended): string {
  return addressIn(parse(stdout));
}

function addressIn(result: Json): string {
  return String(Object(Object(result).ips?.[0]).address);
}

function parse(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
