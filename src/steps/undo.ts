import { CniError } from "../cni/error.ts";
import { LinuxError } from "../platform/errno.ts";
import { logging } from "./logging.ts";

/** Registers a function that undoes the step just done. */
export type Defer = (reversal: () => unknown) => void;

/**
 * Runs `work`. If it throws, runs all deferred reversals, newest first, and throws the error. A reversal that fails is logged,
 * and the others still run.
 */
export function undoOnError<T>(log: (line: string) => void, work: (defer: Defer) => T): T {
  const reversals: (() => unknown)[] = [];
  try {
    return work((reversal) => reversals.push(reversal));
  } catch (error) {
    for (const reversal of reversals.reverse()) logging([Error], { log, what: "Cannot undo" }, reversal);
    throw error;
  }
}

/**
 * Makes one change and defers its reversal first, because the kernel's answer may be lost after the change. A change that was
 * refused or found to exist already (`false`) is not undone. The reversal must succeed if there is nothing to undo.
 */
export function changeOwing<T>(defer: Defer, reversal: () => void, change: () => T): T {
  let isOwed = true;
  defer(() => isOwed && reversal());
  try {
    const made = change();
    isOwed = made !== false;
    return made;
  } catch (error) {
    isOwed = !isRefusal(error);
    throw error;
  }
}

/** Whether the error proves that nothing changed: the kernel refused, or we did before asking it. */
function isRefusal(error: unknown): boolean {
  return error instanceof CniError || (error instanceof LinuxError && error.syscall === "netlink");
}

/** Runs every step, then throws the error of the step that failed, or an AggregateError if several failed. */
export function runAll(steps: readonly (() => void)[]): void {
  const errors = failuresOf(steps);
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors);
}

/** Runs every step. Returns the errors of those that failed. */
export function failuresOf(steps: readonly (() => void)[]): readonly unknown[] {
  const errors: unknown[] = [];
  for (const step of steps) {
    try {
      step();
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}
