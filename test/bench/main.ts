// Times whole processes, from exec to exit: ours in both packagings and the reference plugins, turn by turn in one run.
// usage: npm run bench -- [--rounds N] [--scenario TITLE]... [--json] [--svg FILE]
//        npm run bench -- --trace [--command ADD|CHECK|DEL]     where one call's time goes
//        npm run bench -- --trace-log FILE                      the same of a log made by: strace -f -ttt -T -yy -o FILE PLUGIN
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { referenceDir } from "../parity/reference.ts";
import { Contender } from "./contender.ts";
import { drawCosts } from "./picture.ts";
import { type Folder, isPlayable, type Round, SCENARIOS, type Scenario } from "./scenario.ts";
import { summarize } from "./statistics.ts";
import { formatTable } from "./table.ts";
import { formatTrace } from "./trace.ts";
import { traceCall } from "./tracer.ts";

const WARM_UP = 2;

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    scenario: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    svg: { type: "string" },
    trace: { type: "boolean", default: false },
    command: { type: "string", default: "ADD" },
    "trace-log": { type: "string" },
  },
});

const root = path.join(import.meta.dirname, "../..");
const ours = { "dist/bin": `${root}/dist/bin`, "dist/pkg": `${root}/dist/pkg` };

if (options["trace-log"] !== undefined) print(formatTrace(fs.readFileSync(options["trace-log"], "utf8")));
else if (options.trace) print(formatTrace(traceCall(process.env["CNI_BIN_DIR"] ?? ours["dist/bin"], options.command)));
else compare({ reference: referenceDir(), ...ours });

function compare(folders: Readonly<Record<Folder, string>>): void {
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) fail(`Cannot use --rounds "${options.rounds}": must be 1 or more`);
  const rows = wanted(folders).flatMap((scenario) => {
    return summarize(
      scenario,
      measure(scenario, { folders, rounds: Math.max(1, Math.round(rounds * scenario.share)) }),
    );
  });
  const machine = { cpu: os.cpus()[0]?.model ?? "", cpus: os.cpus().length, kernel: os.release(), rounds };
  const sizes = Object.entries(folders).map(([name, folder]) => ({ name, megabytes: sizeOf(folder) }));
  if (options.svg !== undefined) fs.writeFileSync(options.svg, drawCosts(rows));
  if (options.json) print(JSON.stringify({ machine, sizes, rows }, null, 2));
  else {
    const onDisk = sizes.map(({ name, megabytes }) => `${name} ${megabytes.toFixed(0)} MB`).join(", ");
    print(
      `${formatTable(rows)}\non disk, bridge and host-local: ${onDisk}\n${Object.values(machine).join(", ")} rounds`,
    );
  }
}

/** Those asked for, else all that the folders have the plugins for. */
function wanted(folders: Readonly<Record<Folder, string>>): readonly Scenario[] {
  const unknown = options.scenario.find((title) => !SCENARIOS.some((scenario) => scenario.title === title));
  const titles = SCENARIOS.map(({ title }) => `"${title}"`).join(", ");
  if (unknown !== undefined) fail(`Cannot find scenario "${unknown}": must be one of ${titles}`);
  return SCENARIOS.filter((scenario) => {
    if (options.scenario.length > 0 && !options.scenario.includes(scenario.title)) return false;
    const playable = isPlayable(scenario, folders);
    if (!playable) process.stderr.write(`left out "${scenario.title}": a folder has not all of its plugins\n`);
    return playable;
  });
}

/** Runs a scenario's rounds; the first ones, which fill the page cache, do not count. */
function measure(
  scenario: Scenario,
  { folders, rounds }: { folders: Readonly<Record<Folder, string>>; rounds: number },
): Round[] {
  const contenders: Contender[] = [];
  try {
    for (const entry of scenario.contenders) contenders.push(new Contender({ ...entry, bin: folders[entry.folder] }));
    const measured: Round[] = [];
    for (let i = 0; i < WARM_UP + rounds; i++) {
      showProgress(`${scenario.title}: round ${i + 1} of ${WARM_UP + rounds}`);
      measured.push(scenario.play(rotate(contenders, i)));
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

/** Megabytes that the plugins of the plain scenario take, a file of several names counted once. */
function sizeOf(folder: string): number {
  const stats = ["bridge", "host-local"].map((name) => fs.statSync(path.join(folder, name)));
  const files = new Map(stats.map((stat) => [stat.ino, stat.size]));
  return [...files.values()].reduce((total, size) => total + size, 0) / 1e6;
}

function print(text: string): void {
  fs.writeSync(1, `${text}\n`);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
