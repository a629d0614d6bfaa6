import { CniError } from "../../src/cni/error.ts";

/** Runs `act`. A CniError from it keeps its code and details; the context is put before its text. */
export function inContext<T>(context: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError(error.code, `${context}: ${error.message}`, {
      details: error.details,
      path: error.path,
      cause: error,
    });
  }
}
