import fs from "#fs";
import { readToEnd } from "../platform/bytes.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { discard } from "./discard.ts";

/** <fcntl.h>; O_NONBLOCK keeps us from hanging on a pipe without a writer. */
const O = { RDONLY: 0, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** The kind of a file in its mode. <linux/stat.h> */
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFIFO = 0o010000;
const S_IFSOCK = 0o140000;

/** In bytes; larger than any file that is read here. */
const MOST = 1 << 24;

/** A buffer that is large enough for most files. */
const ROOM = 4096;

/**
 * The content of a file whose path comes from a user: a regular file or a device like /dev/null, never a pipe, and at most `most`
 * bytes. @throws LinuxError EINVAL for another kind of file, EFBIG for a larger file, and the errors of node:fs
 */
export function readFile(path: string, most = MOST): Uint8Array {
  const kind = fs.statSync(path, { throwIfNoEntry: false })?.mode ?? S_IFREG;
  if ([S_IFIFO, S_IFSOCK].includes(kind & S_IFMT)) {
    throw new LinuxError(`read "${path}"`, { syscall: "stat", errno: ERRNO.EINVAL, reason: "it is no regular file" });
  }
  return readBounded(path, most);
}

/**
 * The content of a file as text, at most 16 MiB. A pipe counts as empty. @throws LinuxError EFBIG for a larger file, and the errors of
 * node:fs
 */
export function readText(path: string): string {
  return decode(readBounded(path, MOST));
}

/**
 * The text of a file that fits into `buffer`, with one read. Undefined if it does not fit or cannot be read: readText() then tells why.
 */
export function readShort(path: string, buffer: Uint8Array): string | undefined {
  let fd: number | undefined;
  try {
    fd = fs.openSync(path, O.RDONLY | O.NONBLOCK | O.CLOEXEC);
    const length = fs.readSync(fd, buffer);
    return length < buffer.length ? decode(buffer.subarray(0, length)) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) close(fd);
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Decodes UTF-8 text. */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function readBounded(path: string, most: number): Uint8Array {
  const fd = fs.openSync(path, O.RDONLY | O.NONBLOCK | O.CLOEXEC);
  const check = (length: number) => {
    const reason = `it holds more than ${most} bytes`;
    if (length > most) throw new LinuxError(`read "${path}"`, { syscall: "read", errno: ERRNO.EFBIG, reason });
  };
  try {
    return readToEnd((buffer) => fs.readSync(fd, buffer), { room: ROOM, check });
  } finally {
    close(fd);
  }
}

/** Ignores an error of close, because the content has been read. */
function close(fd: number): void {
  try {
    discard(fd);
  } catch {
    // The descriptor is closed even so. close(2)
  }
}
