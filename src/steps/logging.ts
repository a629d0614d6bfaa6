import { reasonOf } from "../cni/error.ts";
import { type Expected, handling } from "../platform/outcome.ts";

/** Runs `act`. Logs an expected error as "what: reason" and returns undefined, and throws any other. */
export function logging<T>(
  expected: Expected,
  { log, what }: { log: (line: string) => void; what: string },
  act: () => T,
): T | undefined {
  return handling(expected, act, (error) => {
    log(`${what}: ${reasonOf(error)}`);
    return undefined;
  });
}
