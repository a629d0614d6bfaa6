import { type FlockKind, tryFlock } from "../linux/flock.ts";
import { waitFor } from "../linux/wait.ts";

/** Takes the lock of an open file, as soon as those who have it let it be had; false where they do not within `patience` ms. */
export function waitForFlock(fd: number, patience: number, kind: FlockKind = "exclusive"): boolean {
  return waitFor(() => tryFlock(fd, kind) || undefined, patience) ?? false;
}
