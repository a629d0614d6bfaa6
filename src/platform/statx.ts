import type { FileIdentity, FileStatus } from "./file-system.ts";

/** sizeof(struct statx) <linux/stat.h> */
export const STATX_SIZE = 256;

/** STATX_BASIC_STATS and STATX_BTIME, the requested fields. <linux/stat.h> */
export const STATX_ALL = 0xfff;

/** The file type in a mode. <sys/stat.h> */
const S = { IFMT: 0o170000, IFREG: 0o100000, IFDIR: 0o040000 } as const;

/** Reads struct statx. <linux/stat.h> */
export function decodeStatus(struct: Uint8Array): FileStatus {
  const view = new DataView(struct.buffer, struct.byteOffset, STATX_SIZE);
  const { dev, ino } = decodeIdentity(struct);
  const mode = view.getUint16(28, true);
  const mtimeMs = timeAt(view, 112);
  return {
    dev: Number(dev),
    ino: Number(ino),
    mode,
    size: Number(view.getBigUint64(40, true)),
    birthtimeMs: timeAt(view, 80),
    ctimeMs: timeAt(view, 96),
    mtimeMs,
    mtime: new Date(Math.round(mtimeMs)),
    isFile: () => (mode & S.IFMT) === S.IFREG,
    isDirectory: () => (mode & S.IFMT) === S.IFDIR,
  };
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
