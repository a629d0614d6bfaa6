import type { FileIdentity, FileStatus } from "./file-system.ts";

/** sizeof(struct statx) <linux/stat.h> */
export const STATX_SIZE = 256;

/** STATX_BASIC_STATS and STATX_BTIME, the requested fields. <linux/stat.h> */
export const STATX_ALL = 0xfff;

/** The file type in a mode. <sys/stat.h> */
const S = { IFMT: 0o170000, IFREG: 0o100000, IFDIR: 0o040000 } as const;

/** Reads struct statx. A field is decoded when it is read: a caller needs one or two of them. <linux/stat.h> */
export function decodeStatus(struct: Uint8Array): FileStatus {
  return new Status(struct);
}

class Status implements FileStatus {
  readonly #view: DataView;

  constructor(struct: Uint8Array) {
    this.#view = new DataView(struct.buffer, struct.byteOffset, STATX_SIZE);
  }

  get dev(): number {
    return this.#view.getUint32(136, true) * 2 ** 32 + this.#view.getUint32(140, true);
  }
  get ino(): number {
    return Number(this.#view.getBigUint64(32, true));
  }
  get uid(): number {
    return this.#view.getUint32(20, true);
  }
  get mode(): number {
    return this.#view.getUint16(28, true);
  }
  get size(): number {
    return Number(this.#view.getBigUint64(40, true));
  }
  get birthtimeMs(): number {
    return timeAt(this.#view, 80);
  }
  get ctimeMs(): number {
    return timeAt(this.#view, 96);
  }
  get mtimeMs(): number {
    return timeAt(this.#view, 112);
  }
  get mtime(): Date {
    return new Date(Math.round(this.mtimeMs));
  }
  isFile(): boolean {
    return (this.mode & S.IFMT) === S.IFREG;
  }
  isDirectory(): boolean {
    return (this.mode & S.IFMT) === S.IFDIR;
  }
}

/** Reads the fields of struct statx that identify a file. <linux/stat.h> */
export function decodeIdentity(struct: Uint8Array): FileIdentity {
  const view = new DataView(struct.buffer, struct.byteOffset, STATX_SIZE);
  const major = BigInt(view.getUint32(136, true));
  const minor = BigInt(view.getUint32(140, true));
  return { dev: (major << 32n) | minor, ino: view.getBigUint64(32, true) };
}

/** A struct statx_timestamp (seconds, then nanoseconds) in ms. */
function timeAt(view: DataView, offset: number): number {
  return Number(view.getBigInt64(offset, true)) * 1000 + view.getUint32(offset + 8, true) / 1e6;
}
