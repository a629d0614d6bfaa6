import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const SOURCE = path.join(import.meta.dirname, "exec-timer.c");
const CACHE = path.join(import.meta.dirname, "../../.cache/bench");

/** One call of a plugin. */
export interface Job {
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What one call cost. */
export interface Timing {
  /** From before exec and to after exit, milliseconds of a clock that all calls of a run share. */
  readonly start: number;
  readonly end: number;
  /** User and system, its child processes' included, milliseconds. */
  readonly cpu: number;
  /** Of the process or the largest of its children, megabytes (10^6 bytes). */
  readonly memory: number;
  readonly stdout: string;
}

/**
 * Runs a program once for each job, all at once, in a network namespace; returns when all have ended.
 * @throws Error when a call fails, with what it printed
 */
export function timeCalls(file: string, where: { netns: string; folder: string }, jobs: readonly Job[]): Timing[] {
  const { netns, folder } = where;
  fs.mkdirSync(folder, { recursive: true });
  for (const [i, { input, env }] of jobs.entries()) {
    const entries = Object.entries(env).map(([name, value]) => `${name}=${value}\0`);
    fs.writeFileSync(path.join(folder, `${i}.in`), input);
    fs.writeFileSync(path.join(folder, `${i}.env`), entries.join(""));
  }
  const argv = [`--net=${netns}`, "--", compiled(), file, folder, String(jobs.length)];
  const lines = execFileSync("nsenter", argv, { encoding: "utf8" }).trim().split("\n");
  return lines.map((line, i) => {
    const [start = 0, end = 0, cpu = 0, memory = 0, status] = line.split(" ").map(Number);
    const stdout = fs.readFileSync(path.join(folder, `${i}.out`), "utf8");
    if (status !== 0) {
      const stderr = fs.readFileSync(path.join(folder, `${i}.err`), "utf8");
      throw new Error(`${file} ${jobs[i]?.env["CNI_COMMAND"]} ended with wait status ${status}: ${stdout}${stderr}`);
    }
    return { start: start / 1e6, end: end / 1e6, cpu: cpu / 1e3, memory: (memory * 1024) / 1e6, stdout };
  });
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
