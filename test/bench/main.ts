// Times whole processes, from exec to exit: ours in both packagings, the reference plugins and, where it is found, netavark, turn by turn
// in one run.
// usage: npm run bench -- [--rounds N] [--scenario TITLE]... [--contender reference|dist/bin|dist/pkg|netavark]... [--json] [--svg FILE]
//        npm run bench -- --trace [--command ADD|CHECK|DEL]     where one call's time goes
//        npm run bench -- --trace-log FILE                      the same of a log made by: strace -f -ttt -T -yy -o FILE PLUGIN
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { referenceDir } from "../parity/reference.ts";
import type { Contender } from "./contender.ts";
import { sizeOf } from "./disk.ts";
import { findNetavark } from "./netavark.ts";
import { drawCosts } from "./picture.ts";
import type { Round } from "./round.ts";
import {
  enter,
  isPlayable,
  ORIGINS,
  type Origin,
  type Places,
  restrict,
  SCENARIOS,
  type Scenario,
} from "./scenario.ts";
import { settle } from "./settle.ts";
import { summarize } from "./statistics.ts";
import { formatTable } from "./table.ts";
import { formatTrace } from "./trace.ts";
import { traceCall } from "./tracer.ts";

const WARM_UP = 2;

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    scenario: { type: "string", multiple: true, default: [] },
    contender: { type: "string", multiple: true, default: [] },
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
else compare(findPlaces());

function compare(places: Places): void {
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) fail(`Cannot use --rounds "${options.rounds}": must be 1 or more`);
  const rows = wanted(places).flatMap((scenario) => summarize(scenario, measure(scenario, { places, rounds })));
  const machine = { cpu: os.cpus()[0]?.model ?? "", cpus: os.cpus().length, kernel: os.release(), rounds };
  const sizes = [...places].map(([name, place]) => ({ name, megabytes: sizeOf(place) }));
  if (options.svg !== undefined) fs.writeFileSync(options.svg, drawCosts(rows));
  if (options.json) print(JSON.stringify({ machine, sizes, rows }, null, 2));
  else {
    const onDisk = sizes.map(({ name, megabytes }) => `${name} ${megabytes.toFixed(1)} MB`).join(", ");
    print(`${formatTable(rows)}\non disk, all names: ${onDisk}\n${Object.values(machine).join(", ")} rounds`);
  }
}

/** Where the executables are of those asked for, else of all that there are. */
function findPlaces(): Places {
  const unknown = options.contender.find((name) => !ORIGINS.some((origin) => origin === name));
  if (unknown !== undefined) fail(`Cannot find contender "${unknown}": must be one of ${ORIGINS.join(", ")}`);
  const finders = { reference: referenceDir, "dist/bin": () => ours["dist/bin"], "dist/pkg": () => ours["dist/pkg"] };
  const find: Record<Origin, () => string | undefined> = { ...finders, netavark: () => findNetavark(process.env) };
  const asked = ORIGINS.filter((origin) => options.contender.length === 0 || options.contender.includes(origin));
  return new Map(
    asked.flatMap((origin) => {
      const place = find[origin]();
      if (place !== undefined) return [[origin, place] as const];
      if (options.contender.includes(origin)) fail(`Cannot find ${origin}: NETAVARK may name its executable`);
      return [];
    }),
  );
}

/** Those asked for, else all that the folders have the plugins for. */
function wanted(places: Places): readonly Scenario[] {
  const unknown = options.scenario.find((title) => !SCENARIOS.some((scenario) => scenario.title === title));
  const titles = SCENARIOS.map(({ title }) => `"${title}"`).join(", ");
  if (unknown !== undefined) fail(`Cannot find scenario "${unknown}": must be one of ${titles}`);
  return SCENARIOS.map((scenario) => restrict(scenario, places)).filter((scenario) => {
    if (options.scenario.length > 0 && !options.scenario.includes(scenario.title)) return false;
    if (scenario.contenders.length === 0) return false;
    const playable = isPlayable(scenario, places);
    if (!playable)
      process.stderr.write(
        `left out "${scenario.title}": a folder lacks one of its plugins, or the kernel its kind of link\n`,
      );
    return playable;
  });
}

/** Runs a scenario's rounds; the first ones, which fill the page cache, do not count. */
function measure(scenario: Scenario, { places, rounds }: { places: Places; rounds: number }): Round[] {
  const count = WARM_UP + Math.max(1, Math.round(rounds * scenario.share));
  const contenders: Contender[] = [];
  try {
    for (const entry of scenario.contenders) contenders.push(enter(entry, places));
    const measured: Round[] = [];
    for (let i = 0; i < count; i++) {
      showProgress(`${scenario.title}: round ${i + 1} of ${count}`);
      measured.push(scenario.play(rotate(contenders, i)));
    }
    return measured.slice(WARM_UP);
  } finally {
    showProgress(`${scenario.title}: the kernel clears away`);
    for (const contender of contenders) contender.dispose();
    settle();
    showProgress("");
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

function print(text: string): void {
  fs.writeSync(1, `${text}\n`);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
