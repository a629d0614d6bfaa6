import { CniError, reasonOf } from "../cni/error.ts";
import { LinuxError } from "../platform/errno.ts";

/** Remembers how to take back what was just done. */
export type Defer = (reversal: () => unknown) => void;

/**
 * Runs `work`; when it throws, everything it deferred is taken back, newest first, and the error goes on. A reversal that
 * fails is logged and does not keep the others from running.
 */
export function undoOnError<T>(log: (line: string) => void, work: (defer: Defer) => T): T {
  const reversals: (() => unknown)[] = [];
  try {
    return work((reversal) => reversals.push(reversal));
  } catch (error) {
    for (const reversal of reversals.reverse()) attempt(log, reversal);
    throw error;
  }
}

/**
 * Makes one change whose reversal is deferred before it: the kernel's answer may be lost after it has made the change. What was refused,
 * or found to be there already (`false`), is not taken back. The reversal must bear that there is nothing to take back.
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

/** Whether nothing has been changed: the kernel has said so, or we have before it was asked. */
function isRefusal(error: unknown): boolean {
  return error instanceof CniError || (error instanceof LinuxError && error.syscall === "netlink");
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

function attempt(log: (line: string) => void, reversal: () => unknown): void {
  try {
    reversal();
  } catch (error) {
    log(`Cannot undo: ${reasonOf(error)}`);
  }
}
