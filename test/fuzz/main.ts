// Puts changed network lists and variables into the executables, and changed bytes into every decoder.
// usage: npm run fuzz -- [--minutes N] [--seed N] [--only NUMBER]
// CNI_BIN_DIR names the executables, dist/bin unless told, and FUZZ_REPORTS a folder into which they may write.
// A finding is printed, and kept in .cache/fuzz; exit code 1 where there is one. --only plays the number of a finding again.
import { fork } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { binDir } from "../lab.ts";
import { type Finding, formatFinding } from "./finding.ts";
import { Findings } from "./findings.ts";
import { tellings } from "./tellings.ts";

/** The part of the time that decoders get, and how many inputs a process takes before the next one follows. */
const DECODERS_SHARE = 0.2;
const BATCH = 5000;

/** A decoder that is at one input for so long does not end, milliseconds. */
const STUCK = 10_000;

/** What a process that is still loading is at. */
const NOT_STARTED = -1;

const { values: options } = parseArgs({
  options: { minutes: { type: "string", default: "1" }, seed: { type: "string" }, only: { type: "string" } },
});
const minutes = Number(options.minutes);
const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 31));
const only = options.only === undefined ? undefined : Number(options.only);
if (![minutes, seed, only ?? 0].every((number) => number >= 0))
  throw new Error("Cannot use an option: must be a number");

const findings = new Findings("fuzz", seed, formatFinding);
console.log(`fuzz: seed ${seed}, ${minutes} minutes, ${binDir}`);
if (only !== undefined) await fuzzBatch(only, only + 1);
else console.log(`decoders: ${await fuzzDecoders(minutes * 60_000 * DECODERS_SHARE)} inputs`);
const { scenarios, calls } = await playInside(only ?? 0, only === undefined ? Infinity : only + 1);
console.log(`executables: ${scenarios} lists, ${calls} calls`);
console.log(`fuzz: ${findings.count} findings with seed ${seed}`);
process.exit(findings.count === 0 ? 0 : 1);

async function fuzzDecoders(milliseconds: number): Promise<number> {
  const end = performance.now() + milliseconds;
  let number = 0;
  while (performance.now() < end) {
    await fuzzBatch(number, number + BATCH);
    number += BATCH;
  }
  return number;
}

/** Ends where the batch does, or where an input of it does not. */
function fuzzBatch(first: number, last: number): Promise<void> {
  const progress = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "fuzz-progress-")), "at");
  fs.writeFileSync(progress, new Int32Array([NOT_STARTED]));
  const child = fork(path.join(import.meta.dirname, "decoding.ts"), [...[seed, first, last].map(String), progress]);
  return new Promise((resolve, reject) => {
    let seen = { number: -1, since: performance.now() };
    const watch = setInterval(() => {
      const number = fs.readFileSync(progress).readInt32LE();
      if (number === NOT_STARTED || number !== seen.number) seen = { number, since: performance.now() };
      else if (performance.now() - seen.since > STUCK) {
        findings.report({ kind: "a decoder that does not end", seed, number, text: "", input: [] });
        child.kill("SIGKILL");
      }
    }, 1000);
    child.on("message", (finding) => findings.report(finding as Finding));
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      clearInterval(watch);
      fs.rmSync(path.dirname(progress), { recursive: true, force: true });
      if (code === 0 || signal === "SIGKILL") resolve();
      else reject(new Error(`The decoders' process ended with ${signal ?? code}`));
    });
  });
}

/** Plays scenarios in namespaces of their own: network, mounts and processes. */
async function playInside(first: number, last: number): Promise<{ scenarios: number; calls: number }> {
  const reports = process.env["FUZZ_REPORTS"] ?? "";
  const time = minutes * 60_000 * (1 - DECODERS_SHARE);
  const argv = [path.join(import.meta.dirname, "inside.ts"), ...[seed, first, last, time].map(String)];
  let counts = { scenarios: 0, calls: 0 };
  for await (const told of tellings(argv, reports)) {
    if (told.finding === undefined) counts = told;
    else findings.report(told.finding);
  }
  if (counts.scenarios === 0) throw new Error("Cannot play: see above");
  return counts;
}
