import { poll } from "./poll.ts";

/** Longest pause in ms between two looks. */
const LONGEST_PAUSE = 25;

/** What `look` finds, as soon as it finds something; undefined where it has found nothing for `patience` ms. */
export function waitFor<T>(look: () => T | undefined, patience: number): T | undefined {
  const started = performance.now();
  for (let pause = 1; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    const found = look();
    if (found !== undefined || performance.now() - started > patience) return found;
    poll([], pause);
  }
}
