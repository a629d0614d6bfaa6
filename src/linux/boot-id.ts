import fs from "#fs";
import { isPassing } from "../platform/errno.ts";

/** How many characters of the kernel's boot ID are kept. Two boots of a machine never share them. */
const LENGTH = 8;

/** The first characters of the kernel's ID of this boot; "" if there is none to read. random(4) @throws errors that may pass, such as EIO */
export function readBoot(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, LENGTH);
  } catch (error) {
    if (isPassing(error)) throw error;
    return "";
  }
}

/** The ID of this boot as readBoot() has it; "" also after an error that may pass: for callers that can do without. */
export function findBoot(): string {
  try {
    return readBoot();
  } catch {
    return "";
  }
}
