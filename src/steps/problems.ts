import { CniError, fullReasonOf } from "../cni/error.ts";

/** The message and the hint of the CniError that `act` throws; nothing if it succeeds. */
export function refusalOf(act: () => void): readonly string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return [fullReasonOf(error)];
  }
}

/** Ends STATUS. @throws CniError unavailable that names all problems, if there are any */
export function refuseProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new CniError("unavailable", problems.join("; "));
}
