// Has system calls fail, processes die and hosts reboot, and looks at what is left.
// usage: npm run test:faults -- [--short] [--seed N] [--part NAME]... [--most N] [--seconds N] [--group NAME] [--only FAULT]
// CNI_BIN_DIR names the executables, dist/bin unless told. A finding is printed, and kept in .cache/faults; exit code 1 where there is one.
import path from "node:path";
import { parseArgs } from "node:util";
import { Findings } from "../fuzz/findings.ts";
import { tellings } from "../fuzz/tellings.ts";
import { binDir } from "../lab.ts";
import { referenceDir } from "../parity/reference.ts";
import { formatFinding } from "./finding.ts";
import type { Orders } from "./orders.ts";

const { values: options } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    seed: { type: "string" },
    part: { type: "string", multiple: true },
    most: { type: "string" },
    seconds: { type: "string" },
    group: { type: "string" },
    only: { type: "string" },
  },
});
const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!Number.isSafeInteger(seed)) throw new Error("Cannot use --seed: must be a number");

/** Each part with how often and how long, in seconds, it is played: all of it, and in the short form. `worlds` play at the same time. */
const PARTS: Readonly<Record<string, { worlds: number; short: Play; whole: Play }>> = {
  filters: { worlds: 1, short: { most: 1, seconds: 60 }, whole: { most: 1, seconds: 60 } },
  reboots: { worlds: 1, short: { most: 1, seconds: 10 }, whole: { most: 50, seconds: 600 } },
  cycles: { worlds: 2, short: { most: 100, seconds: 15 }, whole: { most: 10_000, seconds: 7200 } },
  kills: { worlds: 2, short: { most: 25, seconds: 15 }, whole: { most: 500, seconds: 1800 } },
  calls: { worlds: 2, short: { most: 5, seconds: 35 }, whole: { most: undefined, seconds: 7200 } },
  watchers: { worlds: 1, short: { most: 20, seconds: 10 }, whole: { most: 20, seconds: 3600 } },
  // Last, for the kernel takes a while to clear hundreds of namespaces away.
  crowds: { worlds: 1, short: { most: 20, seconds: 60 }, whole: { most: 100, seconds: 600 } },
};

interface Play {
  readonly most: number | undefined;
  readonly seconds: number;
}

const findings = new Findings("faults", seed, formatFinding);
console.log(`faults: seed ${seed}, ${binDir}`);
for (const [part, { worlds, short, whole }] of Object.entries(PARTS)) {
  if (options.part !== undefined && !options.part.includes(part)) continue;
  const play = options.short ? short : whole;
  const most = options.most === undefined ? play.most : Number(options.most);
  const shards = options.only === undefined ? worlds : 1;
  const began = performance.now();
  const counts = await Promise.all(
    Array.from({ length: shards }, (_, shard) =>
      playInside({
        part,
        seed,
        shard,
        shards,
        most,
        milliseconds: Number(options.seconds ?? play.seconds) * 1000,
        group: options.group,
        only: options.only,
        reference: part === "crowds" ? referenceDir() : undefined,
      }),
    ),
  );
  console.log(`${part}: ${total(counts)} in ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
console.log(`faults: ${findings.count} findings with seed ${seed}`);
process.exit(findings.count === 0 ? 0 : 1);

function total(counts: readonly Readonly<Record<string, number>>[]): string {
  const sums = new Map<string, number>();
  for (const [name, count] of counts.flatMap((each) => Object.entries(each)))
    sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums].map(([name, count]) => `${count} ${name}`).join(", ");
}

/** In namespaces of their own: network, mounts and processes. */
async function playInside(orders: Orders): Promise<Readonly<Record<string, number>>> {
  const argv = [path.join(import.meta.dirname, "inside.ts"), JSON.stringify(orders)];
  let counts: Readonly<Record<string, number>> | undefined;
  for await (const told of tellings(argv)) {
    if (told.finding === undefined) counts = told.counts;
    else findings.report(told.finding);
  }
  if (counts === undefined) throw new Error(`Cannot play ${orders.part}: see above`);
  return counts;
}
