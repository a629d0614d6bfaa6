import { CniError } from "../cni/error.ts";

/** The end of a CHECK. @throws CniError checkFailed that names all differences, where there are any */
export function refuseDifferences(differences: readonly string[]): void {
  if (differences.length > 0) throw new CniError("checkFailed", differences.join("; "));
}

/**
 * The differences of a backend from what ADD made; none where the other backend has all of it: an attachment's rules stay where they are when
 * the configuration changes, and the Go plugins may have made them.
 */
export function unlessOther(differences: readonly string[], other: () => readonly string[]): readonly string[] {
  return differences.length === 0 || other().length === 0 ? [] : differences;
}
