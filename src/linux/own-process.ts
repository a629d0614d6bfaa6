import { libcServer } from "../platform/libc.ts";

/** The number of this process. getpid(2) */
export function ownProcessId(): number {
  return libcServer().functions.getpid();
}
