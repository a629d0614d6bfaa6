import { readFileSync, writeFileSync } from "node:fs";
import { errnoOf, LinuxError } from "./errno.ts";

/**
 * The value of a kernel parameter, like `sysctl -n net.ipv4.ip_forward`, without the end of line. `path` is written with slashes.
 * Parameters below "net" are those of the namespace that the calling thread is in. @throws LinuxError ENOENT for an unknown one
 */
export function readSysctl(path: string): string {
  return attempt(`read sysctl ${path}`, () => readFileSync(`/proc/sys/${path}`, "latin1").trimEnd());
}

/** Sets a kernel parameter, like `sysctl -w`; one that already has the value is not written. @throws LinuxError */
export function writeSysctl(path: string, value: string): void {
  if (readSysctl(path) === value) return;
  attempt(`write "${value}" to sysctl ${path}`, () => writeFileSync(`/proc/sys/${path}`, value));
}

function attempt<T>(action: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw new LinuxError(action, { syscall: "open", errno, cause });
  }
}
