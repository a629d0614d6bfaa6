import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { PluginList } from "./plugin-list.ts";
import { SCENARIOS } from "./scenario.ts";

/** The commands of an attachment, in the order in which a runtime gives them. */
const ORDER = ["ADD", "CHECK", "DEL"];

/** Runs one call of the plain scenario's bridge under strace, after one that fills the page cache; returns what strace wrote. */
export function traceCall(bin: string, command: string): string {
  const place = ORDER.indexOf(command);
  if (place < 0) throw new Error(`Cannot trace "${command}": must be one of ${ORDER.join(", ")}`);
  const plugins = SCENARIOS[0]?.contenders[0]?.plugins ?? [];
  const contender = new PluginList({ name: "traced", bin: path.resolve(bin), plugins });
  try {
    for (const each of ["ADD", "DEL", ...ORDER.slice(0, place)]) contender.run(each);
    return strace(contender.describe(command));
  } finally {
    contender.dispose();
  }
}

function strace({ argv: call, input, env, netns }: ReturnType<PluginList["describe"]>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bench-trace-"));
  try {
    const log = path.join(folder, "log");
    const argv = [`--net=${netns}`, "--", "strace", "-f", "-ttt", "-T", "-yy", "-o", log, ...call];
    const { status, stdout, stderr, error } = spawnSync("nsenter", argv, { input, env, encoding: "utf8" });
    if (status !== 0) throw new Error(`strace ${call.join(" ")} failed: ${error?.message ?? stderr + stdout}`);
    return fs.readFileSync(log, "utf8");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}
