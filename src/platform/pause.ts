import { libc } from "./libc.ts";

/** Sleeps for some milliseconds and blocks the thread, without an event loop. All other waits are on a descriptor. poll(2) */
export function pause(milliseconds: number): void {
  libc().functions.poll(null, 0, Math.max(0, Math.ceil(milliseconds)));
}
