import { LinuxError } from "../platform/errno.ts";

/** Runs a write that may fail without harm on a kernel without the parameter or with a read-only /proc/sys. Throws any other error. */
export function attemptSysctl(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
  }
}
