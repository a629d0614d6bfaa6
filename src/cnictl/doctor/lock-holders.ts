import fs from "#fs";
import path from "#path";
import { readText } from "../../linux/bounded-file.ts";
import { ifPossible } from "../../platform/outcome.ts";
import { findIdentity } from "../file-identity.ts";

/** A process that has a lock. */
export interface Holder {
  readonly pid: string;
  /** Its command, as ps(1) shows it; "" if it has ended since. */
  readonly name: string;
}

/** Locks of flock(2), and of bytes by an open file description, in fdinfo. proc_pid_fdinfo(5) */
const LOCK = { flock: /^lock:\s+\d+: FLOCK /m, bytes: /^lock:\s+\d+: OFDLCK /m } as const;

/**
 * The processes that have a file open through a descriptor with a lock of that kind. A child inherits the descriptor and with it the lock, and keeps
 * it when the process that took it has ended, which is the one that /proc/locks names. Processes that may not be examined are left out.
 */
export function findHolders(file: string, kind: keyof typeof LOCK): readonly Holder[] {
  const identity = findIdentity(file);
  if (identity === undefined) return [];
  const isHolder = (pid: string) =>
    listDescriptors(pid).some(
      (fd) =>
        // Only names are read of other files: to examine one may take long on a network file system.
        path.basename(readLink(`/proc/${pid}/fd/${fd}`)) === path.basename(file) &&
        findIdentity(`/proc/${pid}/fd/${fd}`) === identity &&
        LOCK[kind].test(readIfThere(`/proc/${pid}/fdinfo/${fd}`)),
    );
  const processes = fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return processes.filter(isHolder).map((pid) => ({ pid, name: readIfThere(`/proc/${pid}/comm`).trimEnd() }));
}

function listDescriptors(pid: string): readonly string[] {
  return ifPossible(() => fs.readdirSync(`/proc/${pid}/fd`)) ?? [];
}

function readLink(file: string): string {
  return ifPossible(() => fs.readlinkSync(file)) ?? "";
}

function readIfThere(file: string): string {
  return ifPossible(() => readText(file)) ?? "";
}
