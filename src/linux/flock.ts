import { ERRNO } from "../platform/errno.ts";
import { libcFiles } from "../platform/libc.ts";

/** <sys/file.h> */
const LOCK = { SH: 1, EX: 2, NB: 4 } as const;

/** Shared: for as many as want it, as long as nobody has it exclusively. */
export type FlockKind = "shared" | "exclusive";

/** Takes the lock of an open file, like `flock --nonblock FD`; false where another is in the way. Closing the file lets go of it. */
export function tryFlock(fd: number, kind: FlockKind = "exclusive"): boolean {
  return libcFiles().functions.flock(fd, LOCK.NB | (kind === "shared" ? LOCK.SH : LOCK.EX)) === 0;
}

/** Whether it was another's lock that the last tryFlock() met: some file systems of networks have no such locks, or none on folders. */
export function wasFlockHeld(): boolean {
  return libcFiles().errno() === ERRNO.EAGAIN;
}
