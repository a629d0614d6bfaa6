import fs from "#fs";

/** How many characters of the kernel's boot ID are kept. Two boots of a machine never share them. */
const LENGTH = 8;

/** The first characters of the kernel's ID of this boot; "" if it cannot be read. random(4) */
export function readBoot(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, LENGTH);
  } catch {
    return "";
  }
}
