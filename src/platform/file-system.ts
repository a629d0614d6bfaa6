/** The file properties that we use, from statx(2) or node:fs. */
export interface FileStatus {
  readonly dev: number;
  readonly ino: number;
  readonly uid: number;
  readonly mode: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
  readonly mtime: Date;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** The properties that identify a file. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** An entry of a folder. A symbolic link is not followed. */
export interface FolderEntry {
  readonly name: string;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** The part of node:fs that we use, with its guarantees and errors. package.json's "#fs" chooses fs-node.ts or fs-native.ts. */
export interface FileSystem {
  openSync(path: string, flags: number | "r" | "w" | "wx", mode?: number): number;
  closeSync(fd: number): void;
  readSync(fd: number, buffer: Uint8Array): number;
  writeSync(fd: number, text: string): number;
  writeSync(fd: number, bytes: Uint8Array, offset?: number, length?: number, position?: number): number;
  ftruncateSync(fd: number, length: number): void;
  fsyncSync(fd: number): void;
  readFileSync(path: string): Uint8Array;
  readFileSync(path: string, encoding: "utf8"): string;
  writeFileSync(path: string, text: string, options?: { readonly flag?: "w" | "wx"; readonly mode?: number }): void;
  appendFileSync(path: string, text: string, options?: { readonly mode?: number }): void;
  statSync(path: string): FileStatus;
  statSync(path: string, options: { readonly throwIfNoEntry: false }): FileStatus | undefined;
  statSync(path: string, options: { readonly bigint: true }): FileIdentity;
  fstatSync(fd: number, options: { readonly bigint: true }): FileIdentity;
  lstatSync(path: string, options: { readonly throwIfNoEntry: false }): FileStatus | undefined;
  existsSync(path: string): boolean;
  accessSync(path: string, mode: number): void;
  readlinkSync(path: string): string;
  symlinkSync(target: string, path: string): void;
  linkSync(from: string, to: string): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  rmSync(path: string, options?: { readonly force?: boolean; readonly recursive?: boolean }): void;
  mkdirSync(path: string, options?: { readonly mode?: number }): void;
  mkdirSync(path: string, options: { readonly mode?: number; readonly recursive: true }): string | undefined;
  rmdirSync(path: string): void;
  utimesSync(path: string, atime: number, mtime: number): void;
  chmodSync(path: string, mode: number): void;
  readdirSync(path: string): string[];
  readdirSync(path: string, options: { readonly withFileTypes: true }): FolderEntry[];
  realpathSync(path: string): string;
  copyFileSync(from: string, to: string, mode?: number): void;
  statfsSync(path: string): Readonly<Record<"type" | "bfree" | "bavail" | "ffree" | "files", number>>;
  readonly constants: Readonly<Record<"COPYFILE_EXCL" | "COPYFILE_FICLONE" | "R_OK" | "W_OK" | "X_OK", number>>;
}
