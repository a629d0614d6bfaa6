import { pause } from "../cni/pause.ts";
import { type FlockKind, tryFlock } from "../linux/flock.ts";

/** Longest pause in ms between two looks at the lock. */
const LONGEST_PAUSE = 25;

/** Takes the lock of an open file, as soon as those who have it let it be had; false where they do not within `patience` ms. */
export function waitForFlock(fd: number, patience: number, kind: FlockKind = "exclusive"): boolean {
  const started = performance.now();
  for (let length = 1; !tryFlock(fd, kind); length = Math.min(length * 2, LONGEST_PAUSE)) {
    if (performance.now() - started > patience) return false;
    pause(length);
  }
  return true;
}
