/** What statx(2) and node:fs tell of a file, as far as it is asked for. */
export interface FileStatus {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
  readonly mtime: Date;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** By which files are told apart. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * The part of node:fs that plugins use, with its promises and its errors. fs-node.ts is node:fs itself; fs-bun.ts does by FFI what every
 * call needs, for loading node:fs takes 1.5 ms of a cold process. package.json's "#fs" chooses.
 */
export interface FileSystem {
  openSync(path: string, flags: number | "r" | "w" | "wx", mode?: number): number;
  closeSync(fd: number): void;
  readSync(fd: number, buffer: Uint8Array): number;
  writeSync(fd: number, text: string): number;
  writeSync(fd: number, bytes: Uint8Array, offset?: number, length?: number, position?: number): number;
  ftruncateSync(fd: number, length: number): void;
  readFileSync(path: string, encoding: "utf8"): string;
  writeFileSync(path: string, text: string, options?: { readonly flag?: "w" | "wx"; readonly mode?: number }): void;
  statSync(path: string): FileStatus;
  statSync(path: string, options: { readonly throwIfNoEntry: false }): FileStatus | undefined;
  statSync(path: string, options: { readonly bigint: true }): FileIdentity;
  lstatSync(path: string, options: { readonly throwIfNoEntry: false }): FileStatus | undefined;
  existsSync(path: string): boolean;
  readlinkSync(path: string): string;
  symlinkSync(target: string, path: string): void;
  linkSync(from: string, to: string): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
  mkdirSync(path: string, options?: { readonly mode?: number }): void;
  rmdirSync(path: string): void;
  utimesSync(path: string, atime: number, mtime: number): void;
  readdirSync(path: string): string[];
  realpathSync(path: string): string;
  accessSync(path: string, mode: number): void;
  copyFileSync(from: string, to: string, mode: number): void;
  appendFileSync(path: string, text: string, options?: { readonly mode?: number }): void;
  statfsSync(path: string): Readonly<Record<"type" | "bfree" | "bavail" | "ffree" | "files", number>>;
  readonly constants: Readonly<Record<"COPYFILE_EXCL" | "R_OK" | "W_OK" | "X_OK", number>>;
}
