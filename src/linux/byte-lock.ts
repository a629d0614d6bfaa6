import { ERRNO } from "../platform/errno.ts";
import { libcRareFiles } from "../platform/libc.ts";

/** Locks of bytes that belong to an open file, as a child inherits it. <fcntl.h> */
const F = { OFD_SETLK: 37, RDLCK: 0, WRLCK: 1 } as const;

/** Where struct flock of fcntl.h has type, start and length, and its size on 64-bit. */
const FLOCK = { type: 0, start: 8, length: 16, size: 32 } as const;

/** Bytes of a file, which need not have them, and how they are wanted: shared by a file that is open to be read, exclusively by one to be written. */
export interface ByteLock {
  readonly kind: "shared" | "exclusive";
  readonly start: number;
  readonly length: number;
}

/**
 * Takes a lock of these bytes for an open file: "busy" where somebody else's is in the way, "none" where the file system has no such locks.
 * It ends when the last process that has the file open closes it. flock(2) takes no notice of it. fcntl(2)
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
