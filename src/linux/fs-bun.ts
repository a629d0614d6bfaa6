import { ERRNO, errnoName } from "./errno.ts";
import type { FileIdentity, FileStatus, FileSystem } from "./file-system.ts";
import { libcFiles } from "./libc.ts";
import { decodeIdentity, decodeStatus, STATX_ALL, STATX_SIZE } from "./statx.ts";

/** <fcntl.h> */
const O = { RDONLY: 0, WRONLY: 0o1, CREAT: 0o100, EXCL: 0o200, TRUNC: 0o1000, CLOEXEC: 0o2000000 } as const;

/** Ways to open a file, in node:fs's letters. */
const FLAGS = { r: O.RDONLY, w: O.WRONLY | O.CREAT | O.TRUNC, wx: O.WRONLY | O.CREAT | O.TRUNC | O.EXCL } as const;

/** <fcntl.h> */
const AT = { FDCWD: -100, SYMLINK_NOFOLLOW: 0x100 } as const;

/** Room for the text of a link. <linux/limits.h> */
const PATH_MAX = 4096;

/** Room for what most files hold; it is doubled as often as a file needs more. */
const ROOM = 8192;

/** Failures that are an everyday answer, in node:fs's words. */
const ANSWERS: Readonly<Record<number, string>> = {
  [ERRNO.ENOENT]: "no such file or directory",
  [ERRNO.EEXIST]: "file already exists",
};

/**
 * The file system by FFI, as node:fs would serve it. Whatever fails in an unusual way is left to node:fs: a call that failed has done
 * nothing, so it fails there again, and in Node.js's words. So are the functions that few calls need.
 */
const files: FileSystem = {
  openSync: (path, flags, mode = 0o666) => {
    const bits = typeof flags === "number" ? flags : FLAGS[flags];
    const fd = libcFiles().functions.open(encode(path), bits | O.CLOEXEC, mode);
    return fd === -1 ? fail(["open", path], () => nodeFs().openSync(path, flags, mode)) : fd;
  },
  closeSync: (fd) => {
    if (libcFiles().functions.close(fd) === -1) fail(["close"], () => nodeFs().closeSync(fd));
  },
  readSync: (fd, buffer) => {
    const length = libcFiles().functions.read(fd, buffer, buffer.length);
    return length === -1 ? fail(["read"], () => nodeFs().readSync(fd, buffer)) : length;
  },
  writeSync,
  ftruncateSync: (fd, length) => {
    if (libcFiles().functions.ftruncate(fd, length) === -1)
      fail(["ftruncate"], () => nodeFs().ftruncateSync(fd, length));
  },
  readFileSync: (path) => {
    const fd = files.openSync(path, "r");
    try {
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(readAll(fd));
    } finally {
      files.closeSync(fd);
    }
  },
  writeFileSync: (path, text, { flag = "w", mode = 0o666 } = {}) => {
    const fd = files.openSync(path, flag, mode);
    try {
      const bytes = encoder.encode(text);
      for (let at = 0; at < bytes.length; ) at += files.writeSync(fd, bytes, at);
    } finally {
      files.closeSync(fd);
    }
  },
  statSync,
  lstatSync: (path, options) => {
    const status = new Uint8Array(STATX_SIZE);
    if (statx(path, AT.SYMLINK_NOFOLLOW, status) === 0) return decodeStatus(status);
    return isMissing() ? undefined : nodeFs().lstatSync(path, options);
  },
  existsSync: (path) => statx(path, 0, new Uint8Array(STATX_SIZE)) === 0,
  readlinkSync: (path) => {
    const text = new Uint8Array(PATH_MAX);
    const length = libcFiles().functions.readlink(encode(path), text, PATH_MAX);
    if (length === -1) return fail(["readlink", path], () => nodeFs().readlinkSync(path));
    return new TextDecoder().decode(text.subarray(0, length));
  },
  symlinkSync: (target, path) => {
    if (libcFiles().functions.symlink(encode(target), encode(path)) === 0) return;
    fail(["symlink", target, path], () => nodeFs().symlinkSync(target, path));
  },
  linkSync: (from, to) => {
    if (libcFiles().functions.link(encode(from), encode(to)) === 0) return;
    fail(["link", from, to], () => nodeFs().linkSync(from, to));
  },
  renameSync: (from, to) => {
    if (libcFiles().functions.rename(encode(from), encode(to)) === 0) return;
    fail(["rename", from, to], () => nodeFs().renameSync(from, to));
  },
  unlinkSync: (path) => {
    if (libcFiles().functions.unlink(encode(path)) === -1) fail(["unlink", path], () => nodeFs().unlinkSync(path));
  },
  mkdirSync: (path, { mode = 0o777 } = {}) => {
    if (libcFiles().functions.mkdir(encode(path), mode) === 0) return;
    fail(["mkdir", path], () => nodeFs().mkdirSync(path, { mode }));
  },
  rmdirSync: (path) => {
    if (libcFiles().functions.rmdir(encode(path)) === -1) fail(["rmdir", path], () => nodeFs().rmdirSync(path));
  },
  utimesSync: (path, atime, mtime) => {
    const times = new Uint8Array(new BigInt64Array([...toTimespec(atime), ...toTimespec(mtime)]).buffer);
    if (libcFiles().functions.utimensat(AT.FDCWD, encode(path), times, 0) === 0) return;
    fail(["utime", path], () => nodeFs().utimesSync(path, atime, mtime));
  },
  readdirSync: (path) => nodeFs().readdirSync(path),
  realpathSync: (path) => nodeFs().realpathSync(path),
  accessSync: (path, mode) => nodeFs().accessSync(path, mode),
  copyFileSync: (from, to, mode) => nodeFs().copyFileSync(from, to, mode),
  appendFileSync: (path, text, options) => nodeFs().appendFileSync(path, text, options),
  statfsSync: (path) => nodeFs().statfsSync(path),
  get constants() {
    return nodeFs().constants;
  },
};

export default files;

const encoder = new TextEncoder();

function writeSync(fd: number, data: Uint8Array | string, offset = 0, length?: number, position?: number): number {
  const bytes = (typeof data === "string" ? encoder.encode(data) : data).subarray(offset);
  if (length !== undefined) return nodeFs().writeSync(fd, bytes, 0, length, position);
  const written = libcFiles().functions.write(fd, bytes, bytes.length);
  return written === -1 ? fail(["write"], () => nodeFs().writeSync(fd, bytes)) : written;
}

function statSync(path: string): FileStatus;
function statSync(path: string, options: { readonly throwIfNoEntry: false }): FileStatus | undefined;
function statSync(path: string, options: { readonly bigint: true }): FileIdentity;
function statSync(path: string, options: { readonly throwIfNoEntry?: false; readonly bigint?: true } = {}) {
  const status = new Uint8Array(STATX_SIZE);
  if (statx(path, 0, status) === 0) return options.bigint ? decodeIdentity(status) : decodeStatus(status);
  if (options.throwIfNoEntry === false && isMissing()) return undefined;
  return fail(["stat", path], () => nodeFs().statSync(path));
}

function statx(path: string, flags: number, status: Uint8Array): number {
  return libcFiles().functions.statx(AT.FDCWD, encode(path), flags, STATX_ALL, status);
}

function isMissing(): boolean {
  return libcFiles().errno() === ERRNO.ENOENT;
}

/** An error in everyday cases; in others what node:fs does. */
function fail<T>([syscall, ...paths]: readonly string[], again: () => T): T {
  const errno = libcFiles().errno();
  const text = ANSWERS[errno];
  if (text === undefined) return again();
  const code = errnoName(errno);
  const message = `${code}: ${text}, ${syscall} ${paths.map((path) => `'${path}'`).join(" -> ")}`;
  throw Object.assign(new Error(message), { errno: -errno, code, syscall, path: paths[0] });
}

function readAll(fd: number): Uint8Array {
  let bytes = new Uint8Array(ROOM);
  let length = 0;
  for (;;) {
    const count = files.readSync(fd, bytes.subarray(length));
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length < bytes.length) continue;
    const larger = new Uint8Array(2 * length);
    larger.set(bytes);
    bytes = larger;
  }
}

/** A C string. A path with a NUL in it would be another path in C. */
function encode(path: string): Uint8Array {
  if (path.includes("\0"))
    throw new TypeError(`Cannot use the path ${JSON.stringify(path)}: must be without null bytes`);
  return encoder.encode(`${path}\0`);
}

/** struct timespec of seconds with a fraction. <time.h> */
function toTimespec(time: number): readonly [bigint, bigint] {
  const seconds = Math.floor(time);
  return [BigInt(seconds), BigInt(Math.trunc((time - seconds) * 1e9))];
}

/** Loads it: 1.5 ms of a cold process. */
function nodeFs(): FileSystem {
  return process.getBuiltinModule("node:fs");
}
