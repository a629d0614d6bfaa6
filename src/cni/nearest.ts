import { closestMatch } from "leven";

/** The most letters that a slip of the finger changes. */
const MOST = 2;

/**
 * The candidate that was probably meant by a misspelt word, if one is close enough: at most two letters and a third of them differ.
 * Case does not matter.
 */
export function findNearest(word: string, candidates: readonly string[]): string | undefined {
  const byLower = new Map(candidates.map((each) => [each.toLowerCase(), each]));
  const maxDistance = Math.min(MOST, Math.ceil(word.length / 3));
  return byLower.get(closestMatch(word.toLowerCase(), [...byLower.keys()], { maxDistance }) ?? "");
}
