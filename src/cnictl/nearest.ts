import { closestMatch } from "leven";

/** The most letters that a slip of the finger changes. */
const MOST = 2;

/** The candidate that was probably meant by a misspelt word, if one is close enough: at most two letters and a third of them differ. */
export function findNearest(word: string, candidates: readonly string[]): string | undefined {
  return closestMatch(word.toLowerCase(), candidates, { maxDistance: Math.min(MOST, Math.ceil(word.length / 3)) });
}
