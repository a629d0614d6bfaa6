import { ERRNO } from "../platform/errno.ts";
import { libcFiles } from "../platform/libc.ts";

/** <sys/file.h> */
const LOCK = { SH: 1, EX: 2, NB: 4 } as const;

/** A shared lock can have many holders; an exclusive lock has one, and no shared ones. */
export type FlockKind = "shared" | "exclusive";

/** Locks an open file, like `flock --nonblock FD`; false if another holder conflicts. Closing the file releases the lock. */
export function tryFlock(fd: number, kind: FlockKind = "exclusive"): boolean {
  return libcFiles().functions.flock(fd, LOCK.NB | (kind === "shared" ? LOCK.SH : LOCK.EX)) === 0;
}

/** Whether the last tryFlock() failed because of another lock. Some network file systems have no such locks, or none on folders. */
export function wasFlockHeld(): boolean {
  return libcFiles().errno() === ERRNO.EAGAIN;
}
