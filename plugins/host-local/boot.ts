import fs from "#fs";
import { ifPossible } from "../../src/platform/outcome.ts";

/** The magic number of tmpfs. <linux/magic.h> */
const TMPFS_MAGIC = 0x01021994;

/**
 * A time in ms that is not after the first write of this boot; undefined if it is unknown. The kernel computes its boot time back from
 * the current clock. If the clock jumped ahead after the start, files from before that would look older than the boot. So folders created
 * during the start count too: they have the date of the clock at that time.
 */
export function findBootTime(): number | undefined {
  const stat = ifPossible(() => fs.readFileSync("/proc/stat", "utf8")) ?? "";
  const seconds = /^btime (\d+)$/m.exec(stat)?.[1];
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
