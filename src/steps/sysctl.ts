import { LinuxError } from "../platform/errno.ts";

/** Does what a kernel without that parameter, or a read-only /proc/sys, may refuse without harm. Anything else comes through. */
export function attemptSysctl(write: () => void): void {
  try {
    write();
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
  }
}
