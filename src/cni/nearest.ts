import { closestMatch } from "leven";

/** The most letters that a slip of the finger changes. */
const MOST = 2;

/**
 * The candidate that was probably meant by a misspelt word, if one is close enough: at most two letters and a third of them differ, or
 * two neighbours are swapped. Case does not matter.
 */
export function findNearest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const byLower = new Map(candidates.map((each) => [each.toLowerCase(), each]));
  const maxDistance = Math.min(MOST, Math.ceil(word.length / 3));
  const nearest = closestMatch(lower, [...byLower.keys()], { maxDistance });
  return byLower.get(nearest ?? [...byLower.keys()].find((each) => isSwapped(each, lower)) ?? "");
}

/** Whether two neighbouring letters are all that differs: two changes to `leven`, but one slip. */
function isSwapped(one: string, other: string): boolean {
  const at = [...one].findIndex((letter, index) => letter !== other[index]);
  const swap = `${one.slice(0, at)}${one[at + 1] ?? ""}${one[at] ?? ""}${one.slice(at + 2)}`;
  return at >= 0 && swap === other;
}
