import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { missesNoChain } from "../parity/reference.ts";

const SOURCE = path.join(import.meta.dirname, "exec-timer.c");
const CACHE = path.join(import.meta.dirname, "../../.cache/bench");

/** One program's run. */
export interface Job {
  /** The file to run, by its full path, and its arguments. */
  readonly argv: readonly string[];
  /** Standard input; a JSON object where `takesResult`. */
  readonly input: string;
  /** Whether the input's `prevResult` is what the job before printed. */
  readonly takesResult?: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/** What one chain of jobs cost. */
export interface Timing {
  /** From before the first exec and to after the last exit, milliseconds of a clock that all chains of a run share. */
  readonly start: number;
  readonly end: number;
  /** User and system, all processes' and their children's, milliseconds. */
  readonly cpu: number;
  /** Of the largest process, megabytes (10^6 bytes). */
  readonly memory: number;
  /** What the last job printed. */
  readonly stdout: string;
}

/**
 * Runs chains of jobs in a network namespace: all chains at once, a chain's jobs one after the other. All chains have the same number of
 * jobs. Returns when all have ended. @throws Error when a job fails, with what it printed
 */
export function timeChains(where: { netns: string; folder: string }, chains: readonly (readonly Job[])[]): Timing[] {
  const { netns, folder } = where;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  for (const [i, jobs] of chains.entries())
    for (const [step, job] of jobs.entries()) writeJob(path.join(folder, `${i}.${step}`), job);
  const steps = String(chains[0]?.length ?? 0);
  const argv = [`--net=${netns}`, "--", compiled(), folder, String(chains.length), steps];
  const lines = execFileSync("nsenter", argv, { encoding: "utf8" }).trim().split("\n");
  return lines.map((line, i) => {
    const [start = 0, end = 0, cpu = 0, memory = 0, status, step = 0] = line.split(" ").map(Number);
    const [stdout = "", stderr = ""] = ["out", "err"].map((of) => readText(path.join(folder, `${i}.${step}.${of}`)));
    const job = chains[i]?.[step];
    const what = [job?.argv.join(" "), job?.env["CNI_COMMAND"]].join(" ").trim();
    if (status !== 0 && !missesNoChain({ stdout, stderr }))
      throw new Error(`${what} ended with wait status ${status}: ${stdout}${stderr}`);
    return { start: start / 1e6, end: end / 1e6, cpu: cpu / 1e3, memory: (memory * 1024) / 1e6, stdout };
  });
}

function writeJob(base: string, { argv, input, takesResult = false, env }: Job): void {
  const entries = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  fs.writeFileSync(`${base}.args`, argv.map((arg) => `${arg}\0`).join(""));
  fs.writeFileSync(`${base}.env`, entries.map((entry) => `${entry}\0`).join(""));
  if (takesResult) fs.writeFileSync(`${base}.head`, `${input.slice(0, input.lastIndexOf("}"))},"prevResult":`);
  else fs.writeFileSync(`${base}.in`, input);
}

function readText(file: string): string {
  return fs.readFileSync(file, "utf8");
}

/** The timer, compiled when it is missing or older than its source. */
function compiled(): string {
  const file = path.join(CACHE, "exec-timer");
  const made = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made > fs.statSync(SOURCE).mtimeMs) return file;
  fs.mkdirSync(CACHE, { recursive: true });
  execFileSync("gcc", ["-O2", "-Wall", "-o", file, SOURCE]);
  return file;
}
