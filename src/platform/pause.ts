import { libc } from "./libc.ts";

/** Sleeps for some milliseconds, with no event loop: nothing else happens in this thread. Every other wait is for a descriptor. poll(2) */
export function pause(milliseconds: number): void {
  libc().functions.poll(null, 0, Math.max(0, Math.ceil(milliseconds)));
}
