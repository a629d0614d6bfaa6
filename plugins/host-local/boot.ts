import fs from "#fs";

/** How many characters of the kernel's boot ID are kept. Two boots of a machine never share them. */
const LENGTH = 8;

/** The magic number of tmpfs. <linux/magic.h> */
const TMPFS_MAGIC = 0x01021994;

/** The first characters of the kernel's ID of this boot; "" if it cannot be read. random(4) */
export function readBoot(): string {
  return readFile("/proc/sys/kernel/random/boot_id").slice(0, LENGTH);
}

/**
 * A time in ms that is not after the first write of this boot; undefined if it is unknown. The kernel computes its boot time back from
 * the current clock. If the clock jumped ahead after the start, files from before that would look older than the boot. So folders created
 * during the start count too: they have the date of the clock at that time.
 */
export function findBootTime(): number | undefined {
  const seconds = /^btime (\d+)$/m.exec(readFile("/proc/stat"))?.[1];
  if (seconds === undefined) return undefined;
  return Math.min(Number(seconds) * 1000, ...birthOf("/run"));
}

/** When the folder was created, if that was in this boot: its file system is in memory. */
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
