import fs from "#fs";
import { ERRNO, LinuxError } from "../platform/errno.ts";

/** <fcntl.h>; O_NONBLOCK keeps us from hanging on a pipe without a reader. */
const O = { WRONLY: 1, CREAT: 0o100, APPEND: 0o2000, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/**
 * Appends a line to a file in one write, so that lines of several processes do not mix. Creates the file for its owner alone. @throws
 * LinuxError EINVAL if it is no regular file, and the errors of node:fs
 */
export function appendLine(path: string, line: string): void {
  const fd = fs.openSync(path, O.WRONLY | O.CREAT | O.APPEND | O.NONBLOCK | O.CLOEXEC, 0o600);
  try {
    if (!fs.statSync(path).isFile())
      throw new LinuxError(`append to "${path}"`, {
        syscall: "stat",
        errno: ERRNO.EINVAL,
        reason: "it is no regular file",
      });
    fs.writeSync(fd, new TextEncoder().encode(`${line}\n`));
  } finally {
    fs.closeSync(fd);
  }
}
