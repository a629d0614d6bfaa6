import { check, encodePath, fail } from "./c-call.ts";
import type { FileSystem, FolderEntry } from "./file-system.ts";
import { libcRareFiles } from "./libc.ts";
import paths from "./path-native.ts";

// Functions of fs-native.ts that make several calls or have few callers. An ADD does not load them.

/** sizeof(struct statfs) <sys/statfs.h> */
const STATFS_SIZE = 120;

/** mkdirSync with `recursive`. Returns the first folder that it created, or undefined. */
export function makeFolders(files: FileSystem, path: string, mode: number): string | undefined {
  const found = files.statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return undefined;
  const above = paths.dirname(path);
  const first = found === undefined && above !== path ? makeFolders(files, above, mode) : undefined;
  try {
    files.mkdirSync(path, { mode });
  } catch (error) {
    // Another process has created it since.
    if (found !== undefined || files.statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
  return first ?? path;
}

/** rmSync. It removes a link itself, and with `recursive` a folder with its content. */
export function removeTree(
  files: FileSystem,
  path: string,
  options: { readonly force?: boolean; readonly recursive?: boolean },
): void {
  const status = files.lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) {
    if (options.force) return;
    fail("lstat", path);
  }
  if (!status.isDirectory()) return void files.unlinkSync(path);
  if (options.recursive) for (const name of files.readdirSync(path)) removeTree(files, `${path}/${name}`, options);
  files.rmdirSync(path);
}

/** copyFileSync */
export function copyFile(files: FileSystem, { from, to, mode }: { from: string; to: string; mode: number }): void {
  const source = files.openSync(from, "r");
  try {
    const isExclusive = (mode & files.constants.COPYFILE_EXCL) !== 0;
    const target = files.openSync(to, isExclusive ? "wx" : "w", files.statSync(from).mode & 0o777);
    try {
      const chunk = new Uint8Array(1 << 20);
      for (let length = files.readSync(source, chunk); length > 0; length = files.readSync(source, chunk))
        for (let at = 0; at < length; ) at += files.writeSync(target, chunk.subarray(at, length));
    } finally {
      files.closeSync(target);
    }
  } finally {
    files.closeSync(source);
  }
}

/** readdirSync with `withFileTypes`. */
export function entriesOf(files: FileSystem, folder: string, names: readonly string[]): FolderEntry[] {
  return names.map((name) => {
    const status = files.lstatSync(`${folder}/${name}`, { throwIfNoEntry: false });
    return { name, isFile: () => status?.isFile() === true, isDirectory: () => status?.isDirectory() === true };
  });
}

/** statfsSync */
export function statFileSystem(path: string): ReturnType<FileSystem["statfsSync"]> {
  const struct = new Uint8Array(STATFS_SIZE);
  check(libcRareFiles().functions.statfs(encodePath(path), struct), "statfs", path);
  const view = new DataView(struct.buffer);
  const word = (index: number) => Number(view.getBigUint64(8 * index, true));
  return { type: word(0), bfree: word(3), bavail: word(4), files: word(5), ffree: word(6) };
}
