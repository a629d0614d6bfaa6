import { ERRNO } from "../platform/errno.ts";
import { libcRareFiles } from "../platform/libc.ts";

/** Byte locks that belong to an open file description, so a child inherits them. <fcntl.h> */
const F = { OFD_SETLK: 37, RDLCK: 0, WRLCK: 1 } as const;

/** Offsets of type, start and length in struct flock of fcntl.h, and its size on 64-bit. */
const FLOCK = { type: 0, start: 8, length: 16, size: 32 } as const;

/**
 * A range of bytes to lock; the file may be shorter. A shared lock needs a file open for reading, an exclusive lock one open for
 * writing.
 */
export interface ByteLock {
  readonly kind: "shared" | "exclusive";
  readonly start: number;
  readonly length: number;
}

/**
 * Locks bytes of an open file. Returns "busy" if another process holds a conflicting lock, and "none" if the file system has no such
 * locks. The lock ends when the last process that has the file open closes it. It is independent of flock(2). fcntl(2)
 */
export function tryBytes(fd: number, { kind, start, length }: ByteLock): "taken" | "busy" | "none" {
  const lock = new Uint8Array(FLOCK.size);
  const view = new DataView(lock.buffer);
  view.setInt16(FLOCK.type, kind === "shared" ? F.RDLCK : F.WRLCK, true);
  view.setBigInt64(FLOCK.start, BigInt(start), true);
  view.setBigInt64(FLOCK.length, BigInt(length), true);
  const { functions, errno } = libcRareFiles();
  if (functions.fcntl(fd, F.OFD_SETLK, lock) !== -1) return "taken";
  const found = errno();
  return found === ERRNO.EAGAIN || found === ERRNO.EACCES ? "busy" : "none";
}
