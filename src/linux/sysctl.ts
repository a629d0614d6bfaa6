import fs from "#fs";
import { errnoOf, LinuxError } from "./errno.ts";

/** <fcntl.h> */
const O_WRONLY = 0o1;

/**
 * The value of a kernel parameter, like `sysctl -n net.ipv4.ip_forward`, without the end of line. `path` is written with slashes.
 * Parameters below "net" are those of the namespace that the calling thread is in. @throws LinuxError ENOENT for an unknown one
 */
export function readSysctl(path: string): string {
  return asLinuxError(`read sysctl ${path}`, () => fs.readFileSync(`/proc/sys/${path}`, "utf8").trimEnd());
}

/** The same, but undefined for one that is not there or that cannot be read: some can only be written. */
export function findSysctl(path: string): string | undefined {
  try {
    return readSysctl(path);
  } catch (error) {
    if (error instanceof LinuxError) return undefined;
    throw error;
  }
}

/** Sets a kernel parameter, like `sysctl -w`; one that already has the value is not written. @throws LinuxError */
export function writeSysctl(path: string, value: string): void {
  if (findSysctl(path) !== value) writeSysctlUnread(path, value);
}

/** The same without a look at the value before: for something new, of which it is most often another. @throws LinuxError */
export function writeSysctlUnread(path: string, value: string): void {
  asLinuxError(`write "${value}" to sysctl ${path}`, () => {
    // Not by writeFileSync: it asks for O_CREAT, of which /proc says EACCES where there is no such parameter.
    const fd = fs.openSync(`/proc/sys/${path}`, O_WRONLY);
    try {
      // With the line end an empty value is one, too.
      fs.writeSync(fd, `${value}\n`);
    } finally {
      fs.closeSync(fd);
    }
  });
}

/** Runs this; an error number that it throws is a LinuxError of the action. */
function asLinuxError<T>(action: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw new LinuxError(action, { syscall: "open", errno, cause });
  }
}
