import { ERRNO, errnoName, errnoText } from "./errno.ts";

/** Texts of libuv that differ from those of the C library. */
const WORDS: Readonly<Record<number, string>> = {
  [ERRNO.EEXIST]: "file already exists",
  [ERRNO.EISDIR]: "illegal operation on a directory",
  [ERRNO.EBUSY]: "resource busy or locked",
  [ERRNO.ELOOP]: "too many symbolic links encountered",
  [ERRNO.EMFILE]: "too many open files",
  [ERRNO.ENFILE]: "file table overflow",
  [ERRNO.EIO]: "i/o error",
  [ERRNO.EXDEV]: "cross-device link not permitted",
  [ERRNO.ENAMETOOLONG]: "name too long",
  [ERRNO.ENOMEM]: "not enough memory",
  [ERRNO.ETXTBSY]: "text file is busy",
};

/** The result of a C function. @throws the error of node:fs if it is -1 */
export function check(result: number, syscall: string, ...paths: readonly string[]): number {
  return result === -1 ? fail(syscall, ...paths) : result;
}

/** Calls a C function again if a signal interrupted it. */
export function uninterrupted(call: () => number): number {
  for (;;) {
    const result = call();
    if (result !== -1 || native.errno() !== ERRNO.EINTR) return result;
  }
}

/** Throws the error of node:fs for the last failed call. */
export function fail(syscall: string, ...paths: readonly string[]): never {
  const errno = native.errno();
  const code = errnoName(errno);
  const [path, dest] = paths;
  const named = path === undefined ? "" : ` ${paths.map((each) => `'${each}'`).join(" -> ")}`;
  const message = `${code}: ${WORDS[errno] ?? errnoText(errno).toLowerCase()}, ${syscall}${named}`;
  throw Object.assign(new Error(message), {
    errno: -errno,
    code,
    syscall,
    ...(path !== undefined && { path }),
    ...(dest !== undefined && { dest }),
  });
}

/** A path as a C string. @throws TypeError */
export function encodePath(path: string): Uint8Array {
  return native.encode(`${checkedPath(path)}\0`);
}

/** Refuses a path with a null byte, which C would cut there. @throws TypeError */
export function checkedPath(path: string): string {
  if (!path.includes("\0")) return path;
  throw new TypeError(`Cannot use the path ${JSON.stringify(path)}: must be without null bytes`);
}

/** struct timespec from seconds with a fraction. <time.h> */
export function toTimespec(time: number): readonly [bigint, bigint] {
  const seconds = Math.floor(time);
  return [BigInt(seconds), BigInt(Math.trunc((time - seconds) * 1e9))];
}
