import fs from "#fs";
import { isLasting } from "../platform/errno.ts";
import { ifPossible, ignoring } from "../platform/outcome.ts";

/** How many characters of the kernel's boot ID are kept. Two boots of a machine never share them. */
const LENGTH = 8;

/** The first characters of the kernel's ID of this boot; "" if there is none to read. random(4) @throws errors that may pass, such as EIO */
export function readBoot(): string {
  const read = () => fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, LENGTH);
  return ignoring(isLasting, read) ?? "";
}

/** The ID of this boot as readBoot() has it; "" also after an error that may pass: for callers that can do without. */
export function findBoot(): string {
  return ifPossible(readBoot) ?? "";
}
