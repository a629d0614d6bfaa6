// Times whole processes, from exec to exit: ours in both packagings and the reference plugins, turn by turn in one run.
// usage: npm run bench -- [--rounds N] [--json]
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { referenceDir } from "../parity/reference.ts";
import { Contender } from "./contender.ts";
import { type Round, SCENARIOS, type Scenario } from "./scenario.ts";
import { summarize } from "./statistics.ts";
import { formatTable } from "./table.ts";

const WARM_UP = 3;

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "40" }, json: { type: "boolean", default: false } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`Cannot use --rounds "${values.rounds}": must be 1 or more`);

const root = path.join(import.meta.dirname, "../..");
const folders = { reference: referenceDir(), "dist/bin": `${root}/dist/bin`, "dist/pkg": `${root}/dist/pkg` };

const rows = [];
for (const scenario of SCENARIOS) rows.push(...summarize(scenario, await measure(scenario)));

const machine = { cpu: os.cpus()[0]?.model, cpus: os.cpus().length, kernel: os.release(), rounds };
if (values.json) fs.writeSync(1, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
else fs.writeSync(1, `${formatTable(rows)}\n${Object.values(machine).join(", ")} rounds\n`);

/** Runs a scenario's rounds; the first ones, which fill the page cache, do not count. */
async function measure(scenario: Scenario): Promise<Round[]> {
  const contenders = scenario.contenders.map((entry) => new Contender({ ...entry, bin: folders[entry.folder] }));
  try {
    const measured: Round[] = [];
    for (let i = 0; i < WARM_UP + rounds; i++) {
      showProgress(`${scenario.title}: round ${i + 1} of ${WARM_UP + rounds}`);
      measured.push(await scenario.play(rotate(contenders, i)));
    }
    return measured.slice(WARM_UP);
  } finally {
    showProgress("");
    for (const contender of contenders) contender.dispose();
  }
}

/** On a terminal, one line that is written over. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) fs.writeSync(2, `\r\x1b[K${text}`);
}

/** The turns go round: whoever is first meets the kernel's tidying up after the last one of the turn before. */
function rotate<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
