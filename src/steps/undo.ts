/** Remembers how to take back what was just done. */
export type Defer = (reversal: () => void) => void;

/**
 * Runs `work`; when it throws, everything it deferred is taken back, newest first, and the error goes on. A reversal that
 * fails is logged and does not keep the others from running.
 */
export function undoOnError<T>(log: (line: string) => void, work: (defer: Defer) => T): T {
  const reversals: (() => void)[] = [];
  try {
    return work((reversal) => reversals.push(reversal));
  } catch (error) {
    for (const reversal of reversals.reverse()) attempt(log, reversal);
    throw error;
  }
}

/** Runs every step, then throws all that failed together: the error itself where there is one, else an AggregateError. */
export function runAll(steps: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors);
}

function attempt(log: (line: string) => void, reversal: () => void): void {
  try {
    reversal();
  } catch (error) {
    log(`Cannot undo: ${error instanceof Error ? error.message : String(error)}`);
  }
}
