import { readToEnd } from "./bytes.ts";
import { check, checkedPath, encodePath, fail, toTimespec, uninterrupted } from "./c-call.ts";
import { ERRNO } from "./errno.ts";
import type { FileIdentity, FileStatus, FileSystem, FolderEntry } from "./file-system.ts";
import { copyFile, entriesOf, makeFolders, removeTree, statFileSystem } from "./file-trees.ts";
import { libcFiles, libcRareFiles } from "./libc.ts";
import { decodeIdentity, decodeStatus, STATX_ALL, STATX_SIZE } from "./statx.ts";

/** <fcntl.h> */
const O = {
  RDONLY: 0,
  WRONLY: 0o1,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  CLOEXEC: 0o2000000,
} as const;

/** Flags to open a file, by node:fs's letters. */
const FLAGS = {
  r: O.RDONLY,
  w: O.WRONLY | O.CREAT | O.TRUNC,
  wx: O.WRONLY | O.CREAT | O.TRUNC | O.EXCL,
  a: O.WRONLY | O.CREAT | O.APPEND,
} as const;

/** <fcntl.h> */
const AT = { FDCWD: -100, SYMLINK_NOFOLLOW: 0x100, EMPTY_PATH: 0x1000 } as const;

/** Buffer size for the target of a link and for most files. It is doubled for larger ones. */
const ROOM = 8192;

const encoder = new TextEncoder();

/** The file system through the C library, with the results and errors of node:fs. */
const files: FileSystem = {
  openSync: (path, flags, mode) => open(path, typeof flags === "number" ? flags : FLAGS[flags], mode),
  closeSync: (fd) => {
    // The descriptor is closed even if a signal interrupted the call.
    if (libcFiles().functions.close(fd) === -1 && native.errno() !== ERRNO.EINTR) fail("close");
  },
  readSync: (fd, buffer) =>
    check(
      uninterrupted(() => libcFiles().functions.read(fd, buffer, buffer.length)),
      "read",
    ),
  writeSync,
  ftruncateSync: (fd, length) => {
    check(libcFiles().functions.ftruncate(fd, length), "ftruncate");
  },
  fsyncSync: (fd) => {
    check(libcRareFiles().functions.fsync(fd), "fsync");
  },
  readFileSync,
  writeFileSync: (path, text, { flag = "w", mode } = {}) => writeWhole(open(path, FLAGS[flag], mode), text),
  appendFileSync: (path, text, { mode } = {}) => writeWhole(open(path, FLAGS.a, mode), text),
  statSync,
  fstatSync: (fd) => {
    const status = new Uint8Array(STATX_SIZE);
    check(libcFiles().functions.statx(fd, encodePath(""), AT.EMPTY_PATH, STATX_ALL, status), "fstat");
    return decodeIdentity(status);
  },
  lstatSync: (path) => {
    const status = new Uint8Array(STATX_SIZE);
    if (statx(path, AT.SYMLINK_NOFOLLOW, status) === 0) return decodeStatus(status);
    return isMissing() ? undefined : fail("lstat", path);
  },
  existsSync: (path) => !path.includes("\0") && statx(path, 0, new Uint8Array(STATX_SIZE)) === 0,
  accessSync: (path, mode) => {
    check(libcRareFiles().functions.access(encodePath(path), mode), "access", path);
  },
  readlinkSync: (path) => {
    const text = new Uint8Array(ROOM);
    const length = check(libcFiles().functions.readlink(encodePath(path), text, ROOM), "readlink", path);
    return native.decode(text.subarray(0, length));
  },
  symlinkSync: (target, path) => {
    check(libcFiles().functions.symlink(encodePath(target), encodePath(path)), "symlink", target, path);
  },
  linkSync: (from, to) => {
    check(libcFiles().functions.link(encodePath(from), encodePath(to)), "link", from, to);
  },
  renameSync: (from, to) => {
    check(libcFiles().functions.rename(encodePath(from), encodePath(to)), "rename", from, to);
  },
  unlinkSync: (path) => {
    check(libcFiles().functions.unlink(encodePath(path)), "unlink", path);
  },
  rmSync: (path, options = {}) => removeTree(files, path, options),
  mkdirSync,
  rmdirSync: (path) => {
    check(libcFiles().functions.rmdir(encodePath(path)), "rmdir", path);
  },
  utimesSync: (path, atime, mtime) => {
    const times = new Uint8Array(new BigInt64Array([...toTimespec(atime), ...toTimespec(mtime)]).buffer);
    check(libcFiles().functions.utimensat(AT.FDCWD, encodePath(path), times, 0), "utime", path);
  },
  chmodSync: (path, mode) => {
    check(libcRareFiles().functions.chmod(encodePath(path), mode), "chmod", path);
  },
  readdirSync,
  realpathSync: (path) => native.realpath(checkedPath(path)) ?? fail("realpath", path),
  copyFileSync: (from, to, mode = 0) => copyFile(files, { from, to, mode }),
  statfsSync: (path) => statFileSystem(path),
  constants: { COPYFILE_EXCL: 1, COPYFILE_FICLONE: 2, R_OK: 4, W_OK: 2, X_OK: 1 },
};

export default files;

function open(path: string, flags: number, mode = 0o666): number {
  // musl's open() would set FD_CLOEXEC with a second system call.
  const name = encodePath(path);
  return check(
    uninterrupted(() => libcFiles().functions.openat(AT.FDCWD, name, flags | O.CLOEXEC, mode)),
    "open",
    path,
  );
}

function readFileSync(path: string): Uint8Array;
function readFileSync(path: string, encoding: "utf8"): string;
function readFileSync(path: string, encoding?: "utf8"): Uint8Array | string {
  const fd = open(path, O.RDONLY);
  try {
    const bytes = readToEnd((buffer) => files.readSync(fd, buffer), { room: ROOM });
    return encoding === undefined ? bytes : native.decode(bytes);
  } finally {
    files.closeSync(fd);
  }
}

function writeSync(fd: number, data: Uint8Array | string, offset = 0, length?: number, position?: number): number {
  const bytes = (typeof data === "string" ? encoder.encode(data) : data).subarray(offset);
  const size = length ?? bytes.length;
  if (position !== undefined) return check(libcRareFiles().functions.pwrite(fd, bytes, size, position), "write");
  const written = uninterrupted(() => libcFiles().functions.write(fd, bytes, size));
  return check(written, "write");
}

/** Writes a whole text and closes the descriptor. */
function writeWhole(fd: number, text: string): void {
  try {
    writeAll(fd, encoder.encode(text));
  } finally {
    files.closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += files.writeSync(fd, bytes, at);
}

function statSync(path: string): FileStatus;
function statSync(path: string, options: { readonly throwIfNoEntry: false }): FileStatus | undefined;
function statSync(path: string, options: { readonly bigint: true }): FileIdentity;
function statSync(path: string, options: { readonly throwIfNoEntry?: false; readonly bigint?: true } = {}) {
  const status = new Uint8Array(STATX_SIZE);
  if (statx(path, 0, status) === 0) return options.bigint ? decodeIdentity(status) : decodeStatus(status);
  if (options.throwIfNoEntry === false && isMissing()) return undefined;
  return fail("stat", path);
}

function readdirSync(path: string): string[];
function readdirSync(path: string, options: { readonly withFileTypes: true }): FolderEntry[];
function readdirSync(path: string, options?: { readonly withFileTypes: true }): string[] | FolderEntry[] {
  const names = native.readdir(checkedPath(path)) ?? fail("scandir", path);
  return options === undefined ? names : entriesOf(files, path, names);
}

function mkdirSync(path: string, options?: { readonly mode?: number }): void;
function mkdirSync(path: string, options: { readonly mode?: number; readonly recursive: true }): string | undefined;
function mkdirSync(path: string, { mode = 0o777, recursive = false } = {}): string | undefined {
  if (recursive) return makeFolders(files, path, mode);
  check(libcFiles().functions.mkdir(encodePath(path), mode), "mkdir", path);
  return undefined;
}

function statx(path: string, flags: number, status: Uint8Array): number {
  return libcFiles().functions.statx(AT.FDCWD, encodePath(path), flags, STATX_ALL, status);
}

function isMissing(): boolean {
  const errno = native.errno();
  return errno === ERRNO.ENOENT || errno === ERRNO.ENOTDIR;
}
