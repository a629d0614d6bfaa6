import { pause } from "../platform/pause.ts";

/** The longest pause in ms between two looks. */
const LONGEST_LOOK = 25;

/** The longest pause in ms before another attempt. */
const LONGEST_BACKOFF = 64;

/** The result of `look` as soon as it returns one; undefined after `patience` ms. */
export function waitFor<T>(look: () => T | undefined, patience: number): T | undefined {
  const started = performance.now();
  for (let length = 1; ; length = Math.min(2 * length, LONGEST_LOOK)) {
    const found = look();
    if (found !== undefined || performance.now() - started > patience) return found;
    pause(length);
  }
}

/**
 * Pauses after attempt `count` failed because others were first: up to 1 ms after attempt 0, up to twice as long after each further
 * one, at most 64 ms. The length is random, so that waiting calls do not all try again at once.
 */
export function backOff(count: number): void {
  pause(Math.random() * Math.min(2 ** count, LONGEST_BACKOFF));
}
