import fs from "node:fs";
import type { Contender, Cost } from "./contender.ts";

/** What each contender's calls cost, by command and then contender's name. */
export type Round = Readonly<Record<string, Readonly<Record<string, Cost>>>>;

/** How many calls come at once. */
const CROWD = Array.from({ length: 20 }, (_, i) => `c${i + 1}`);

/** The commands that are about no attachment, then those that are. */
export function everyCommand(contenders: readonly Contender[]): Round {
  return { VERSION: turn(contenders, "VERSION"), STATUS: turn(contenders, "STATUS"), ...attachment(contenders) };
}

/** ADD, CHECK, DEL of one attachment, prevResult handed on as a runtime does. */
export function attachment(contenders: readonly Contender[]): Round {
  return { ADD: turn(contenders, "ADD"), CHECK: turn(contenders, "CHECK"), DEL: turn(contenders, "DEL") };
}

/** ADD and DEL of one attachment: netavark has no more. */
export function addAndDelete(contenders: readonly Contender[]): Round {
  return { ADD: turn(contenders, "ADD"), DEL: turn(contenders, "DEL") };
}

export function crowd(contenders: readonly Contender[]): Round {
  return { ADD: turn(contenders, "ADD", CROWD), DEL: turn(contenders, "DEL", CROWD) };
}

/** Nothing of the executables, nor of any other file, is in memory before each ADD. */
export function cold(contenders: readonly Contender[]): Round {
  const ADD: Record<string, Cost> = {};
  for (const contender of contenders) {
    dropCaches();
    ADD[contender.name] = contender.run("ADD");
    contender.run("DEL");
  }
  return { ADD };
}

function turn(contenders: readonly Contender[], command: string, containers?: readonly string[]): Record<string, Cost> {
  return Object.fromEntries(contenders.map((contender) => [contender.name, contender.run(command, containers)]));
}

/** Page cache, directory entries and inodes. proc_sys_vm(5), drop_caches */
function dropCaches(): void {
  fs.writeFileSync("/proc/sys/vm/drop_caches", "3");
}
