// Plays one part in a world of its own, which main.ts has made around it, and prints a line of JSON for each finding, then the counts.
// usage: node inside.ts JSON, an object as of Orders

import { Random } from "../fuzz/random.ts";
import { playGroup } from "./calls.ts";
import { playContenders, playCrowd } from "./crowds.ts";
import { CYCLED, playCycles } from "./cycles.ts";
import { playFilters } from "./filters.ts";
import type { Finding } from "./finding.ts";
import { groups } from "./groups.ts";
import { KILLED, playKills } from "./kills.ts";
import type { Orders } from "./orders.ts";
import { playReboots, REBOOTED } from "./reboots.ts";
import { playWatchers } from "./watchers.ts";

const orders: Orders = JSON.parse(process.argv[2] ?? "");
const until = performance.now() + orders.milliseconds;
const most = orders.most ?? Infinity;
const counts: Record<string, number> = {};

/** What is told of a group, which may be left out or be another world's. */
function mine<T>(all: readonly T[], nameOf: (each: T) => string): readonly T[] {
  const wanted = all.filter((each) => orders.group === undefined || nameOf(each).startsWith(orders.group));
  return wanted.filter((_, number) => (number + orders.seed) % orders.shards === orders.shard);
}

function tell({ findings, ...numbers }: { findings: readonly Finding[] } & Readonly<Record<string, unknown>>): void {
  for (const finding of findings) process.stdout.write(`${JSON.stringify({ finding })}\n`);
  for (const [name, number] of Object.entries(numbers)) counts[name] = (counts[name] ?? 0) + Number(number);
}

/** Where there is no time for all, each seed gets others. */
function shuffle<T>(all: readonly T[]): readonly T[] {
  const random = new Random(orders.seed);
  const rest = [...all];
  return all.map(() => rest.splice(random.below(rest.length), 1)[0] as T);
}

/** Each gets a fair share of the time that is left. */
function shareOf(number: number, all: readonly unknown[]): number {
  return performance.now() + (until - performance.now()) / (all.length - number);
}

const PARTS: Readonly<Record<string, () => Promise<void> | void>> = {
  calls: () => {
    const all = shuffle(mine(groups(), ({ chain, index, situation }) => `${chain} ${index} ${situation}`));
    for (const [number, group] of all.entries()) {
      if (performance.now() > until) return;
      tell({ groups: 1, ...playGroup(group, { seed: orders.seed + number, most, only: orders.only }) });
    }
  },
  kills: async () => {
    const all = mine(KILLED, String);
    for (const [number, name] of all.entries())
      tell(await playKills(name, { seed: orders.seed, most, until: shareOf(number, all) }));
  },
  cycles: () => {
    const all = mine(CYCLED, String);
    for (const [number, name] of all.entries()) tell(playCycles(name, { most, until: shareOf(number, all) }));
  },
  crowds: async () => {
    const wanted = mine(["contenders", "networks"], String);
    if (wanted.includes("contenders")) tell({ contenders: most * 3, findings: await playContenders(most * 3) });
    if (wanted.includes("networks"))
      tell({ "at once": most * 2, findings: await playCrowd(most * 2, orders.reference) });
  },
  reboots: () => {
    const all = mine(REBOOTED, String);
    for (const [number, name] of all.entries())
      tell(playReboots(name, { seed: orders.seed, most, until: shareOf(number, all) }));
  },
  filters: () => tell(playFilters()),
  watchers: async () => tell(await playWatchers(most, until)),
};

await PARTS[orders.part]?.();
process.stdout.write(`${JSON.stringify({ counts })}\n`);
