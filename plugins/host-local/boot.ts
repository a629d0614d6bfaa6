import fs from "#fs";

/** How much of the kernel's boot id is kept: two boots of a machine never share it. */
const LENGTH = 8;

/** The magic number of tmpfs. <linux/magic.h> */
const TMPFS_MAGIC = 0x01021994;

/** The beginning of the kernel's id of this boot; "" where it cannot be read. random(4) */
export function readBoot(): string {
  return readFile("/proc/sys/kernel/random/boot_id").slice(0, LENGTH);
}

/**
 * A time, in ms, before which nothing of this boot was written; undefined where there is none to be had. The kernel reckons
 * the boot's time back from today's clock: on a machine whose clock jumped ahead after it had started, what it wrote before
 * would look older than the boot. What was made while it started, by the clock of then, tells.
 */
export function findBootTime(): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(readFile("/proc/stat"))?.[1];
  if (seconds === undefined) return undefined;
  return Math.min(Number(seconds) * 1000, ...birthOf("/run"));
}

/** When the folder was made, where that was in this boot: its file system is in memory. */
function birthOf(folder: string): readonly number[] {
  try {
    if (fs.statfsSync(folder).type !== TMPFS_MAGIC) return [];
    const { birthtimeMs } = fs.statSync(folder);
    return birthtimeMs > 0 ? [birthtimeMs] : [];
  } catch {
    return [];
  }
}

function readFile(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
