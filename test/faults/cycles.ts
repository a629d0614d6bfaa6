import fs from "node:fs";
import type { Json } from "../fuzz/networks.ts";
import { chainOf } from "./chain.ts";
import type { Finding } from "./finding.ts";
import { differencesFrom, kindsOf, takeSnapshot } from "./snapshot.ts";
import { NOBODY, Stage } from "./stage.ts";

/** The chains that come and go, with ports. */
export const CYCLED = ["podman", "containerd", "ptp", "sbr", "dhcp"] as const;

/** How many cycles lie between two runs of GC, and after how many it is looked at what is left. */
const GC_EVERY = 25;

/** Of this many cycles, the kernel's memory may grow by so much for reasons of its own and of others on the machine, in KB. */
const MEMORY_FROM = 2000;
const MOST_MEMORY = 192 << 10;

/** Attaches and detaches so often, with GC between: nothing is more at the end than after the first. */
export function playCycles(
  name: string,
  { most, until }: { most: number; until: number },
): { cycles: number; kilobytes: number; findings: readonly Finding[] } {
  const stage = new Stage(chainOf(name), `--part cycles --group ${name}`);
  stage.clear();
  cycle(stage);
  const before = takeSnapshot();
  const memory = kernelMemory();
  let cycles = 0;
  for (; cycles < most && performance.now() < until && stage.findings.length === 0; cycles++) {
    stage.begin();
    cycle(stage);
    if (cycles % GC_EVERY !== GC_EVERY - 1) continue;
    for (const index of stage.chain.plugins.keys()) stage.succeed(index, "GC", NOBODY);
    verify(stage, cycles, differencesFrom(before));
  }
  verify(stage, cycles, differencesFrom(before));
  const kilobytes = kernelMemory() - memory;
  if (cycles >= MEMORY_FROM && kilobytes > MOST_MEMORY)
    stage.find(`${name}: the kernel's memory grows`, `${kilobytes} KB in ${cycles} cycles`);
  return { cycles, kilobytes, findings: stage.findings };
}

function cycle(stage: Stage): void {
  const results = stage.attach();
  const prevResult: Json | undefined = results.at(-1);
  for (const index of stage.chain.plugins.keys()) stage.succeed(index, "CHECK", { prevResult });
  for (const index of [...stage.chain.plugins.keys()].reverse()) stage.succeed(index, "DEL", { prevResult });
}

function verify(stage: Stage, cycles: number, differences: readonly string[]): void {
  if (differences.length > 0)
    stage.find(
      `${stage.chain.name}: more than before after ${cycles + 1} cycles: ${kindsOf(differences)}`,
      differences.slice(0, 20).join("\n"),
    );
}

/** What the kernel cannot give back by itself, in KB. proc_meminfo(5) */
function kernelMemory(): number {
  const text = fs.readFileSync("/proc/meminfo", "utf8");
  const names = ["SUnreclaim", "KernelStack", "VmallocUsed", "Percpu"];
  return names.reduce((sum, name) => sum + Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0), 0);
}
