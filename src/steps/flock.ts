import { type FlockKind, tryFlock } from "../linux/flock.ts";
import { waitFor } from "../linux/wait.ts";

/** Locks an open file. Waits up to `patience` ms for others to release the lock; false if they do not. */
export function waitForFlock(fd: number, patience: number, kind: FlockKind = "exclusive"): boolean {
  return waitFor(() => tryFlock(fd, kind) || undefined, patience) ?? false;
}
