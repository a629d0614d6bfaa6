import fs from "#fs";
import { readToEnd } from "../platform/bytes.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";

/** <fcntl.h>; non-blocking, so that a pipe that nobody writes into cannot hang us. */
const O = { RDONLY: 0, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** The kind of a file in its mode. <linux/stat.h> */
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFIFO = 0o010000;
const S_IFSOCK = 0o140000;

/** Bytes; more than any file has that is read here. */
const MOST = 1 << 24;

/** Room for what most files hold. */
const ROOM = 4096;

/**
 * What a file holds whose path somebody else chose: a regular one, or a device like /dev/null; never a pipe, and never more than `most`
 * bytes. @throws LinuxError EINVAL for another kind of file, EFBIG for a larger one, and what node:fs throws
 */
export function readFile(path: string, most = MOST): Uint8Array {
  const kind = fs.statSync(path, { throwIfNoEntry: false })?.mode ?? S_IFREG;
  if ([S_IFIFO, S_IFSOCK].includes(kind & S_IFMT)) {
    throw new LinuxError(`read "${path}"`, { syscall: "stat", errno: ERRNO.EINVAL, reason: "it is no regular file" });
  }
  return readBounded(path, most);
}

/** The same as text, without a look at the kind: a pipe holds nothing. @throws as readFile */
export function readText(path: string): string {
  return decode(readBounded(path, MOST));
}

/** The text of bytes in UTF-8. */
export function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
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

/** What has been read is read, whatever comes then. */
function close(fd: number): void {
  try {
    fs.closeSync(fd);
  } catch {
    // It is closed all the same. close(2)
  }
}
