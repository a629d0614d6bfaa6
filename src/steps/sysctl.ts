import { LinuxError } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";

/** Runs a write that may fail without harm on a kernel without the parameter or with a read-only /proc/sys. Throws any other error. */
export function attemptSysctl(write: () => void): void {
  ignoring([LinuxError], write);
}
