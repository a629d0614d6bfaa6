import { pause } from "../platform/pause.ts";

/** Longest pause in ms between two looks. */
const LONGEST_LOOK = 25;

/** Longest pause in ms before another attempt. */
const LONGEST_BACKOFF = 64;

/** What `look` finds, as soon as it finds something; undefined where it has found nothing for `patience` ms. */
export function waitFor<T>(look: () => T | undefined, patience: number): T | undefined {
  const started = performance.now();
  for (let length = 1; ; length = Math.min(2 * length, LONGEST_LOOK)) {
    const found = look();
    if (found !== undefined || performance.now() - started > patience) return found;
    pause(length);
  }
}

/**
 * Pauses after attempt `count` failed because others got in first: up to 1 ms after attempt 0, up to twice as long after each further one, at most 64 ms.
 * The length is random, so that those who wait do not all come back together.
 */
export function backOff(count: number): void {
  pause(Math.random() * Math.min(2 ** count, LONGEST_BACKOFF));
}
