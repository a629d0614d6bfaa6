import { CniError } from "../cni/error.ts";

/** Ends CHECK. @throws CniError checkFailed that names all differences, if there are any */
export function refuseDifferences(differences: readonly string[]): void {
  if (differences.length > 0) throw new CniError("checkFailed", differences.join("; "));
}

/**
 * The differences between a backend's rules and the rules that ADD made; none if the other backend has all rules. An
 * attachment's rules stay in their backend when the configuration changes, and the Go plugins may have made them.
 */
export function unlessOther(differences: readonly string[], other: () => readonly string[]): readonly string[] {
  return differences.length === 0 || other().length === 0 ? [] : differences;
}
