import { CniError } from "../cni/error.ts";

/** What a call that throws a CniError says, with what to do about it; nothing where it succeeds. */
export function refusalOf(act: () => void): readonly string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    return [error.details === "" ? error.message : `${error.message} (${error.details})`];
  }
}

/** The answer of STATUS. @throws CniError unavailable that names all problems, where there are any */
export function refuseProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new CniError("unavailable", problems.join("; "));
}
