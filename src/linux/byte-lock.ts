import { ERRNO } from "./errno.ts";
import { libcRareFiles } from "./libc.ts";
import { poll } from "./poll.ts";

/** Locks of bytes that belong to an open file, as a child inherits it. <fcntl.h> */
const F = { OFD_SETLK: 37, RDLCK: 0, WRLCK: 1 } as const;

/** Where struct flock of fcntl.h has type, start and length, and its size on 64-bit. */
const FLOCK = { type: 0, start: 8, length: 16, size: 32 } as const;

/** Longest pause in ms between two tries. */
const LONGEST_PAUSE = 25;

/** Bytes of a file, which need not have them, and how they are wanted: shared by a file that is open to be read, exclusively by one to be written. */
export interface ByteLock {
  readonly kind: "shared" | "exclusive";
  readonly start: number;
  readonly length: number;
}

/**
 * Takes a lock of these bytes for an open file as soon as it is to be had; false where it is not within `patience` ms, and where a
 * file system has no such locks. It ends when the last process that has the file open closes it. flock(2) takes no notice of it.
 */
export function waitForBytes(fd: number, { kind, start, length }: ByteLock, patience: number): boolean {
  const lock = new Uint8Array(FLOCK.size);
  const view = new DataView(lock.buffer);
  view.setInt16(FLOCK.type, kind === "shared" ? F.RDLCK : F.WRLCK, true);
  view.setBigInt64(FLOCK.start, BigInt(start), true);
  view.setBigInt64(FLOCK.length, BigInt(length), true);
  const { functions, errno } = libcRareFiles();
  const deadline = performance.now() + patience;
  for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    if (functions.fcntl(fd, F.OFD_SETLK, lock) !== -1) return true;
    if (errno() !== ERRNO.EAGAIN && errno() !== ERRNO.EACCES) return false;
    if (performance.now() > deadline) return false;
    poll([], pause);
  }
}

/** Whether somebody else is in the way of a lock, within `patience` ms; not where a file system has none. */
export function areBytesHeld(fd: number, lock: ByteLock, patience: number): boolean {
  return (
    !waitForBytes(fd, lock, patience) && [ERRNO.EAGAIN, ERRNO.EACCES].some((each) => each === libcRareFiles().errno())
  );
}
