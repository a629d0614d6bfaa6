// Starts plugins in the namespace it is itself in, one for each line of standard input, and answers how long each took.
import { spawnSync } from "node:child_process";
import { createInterface } from "node:readline";

export interface Job {
  readonly file: string;
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Timing {
  /** From before exec to after exit, in milliseconds. */
  readonly ms: number;
  readonly status: number | null;
  readonly stdout: string;
}

for await (const line of createInterface(process.stdin)) {
  const { file, input, env }: Job = JSON.parse(line);
  const start = process.hrtime.bigint();
  const child = spawnSync(file, { input, env });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  const timing: Timing = { ms, status: child.status, stdout: child.error?.message ?? child.stdout.toString() };
  process.stdout.write(`${JSON.stringify(timing)}\n`);
}
