import { CniError } from "../../src/cni/error.ts";

/** Runs `act`; a CniError from it leaves with the same code and details, its text preceded by what it happened in. */
export function inContext<T>(context: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError(error.code, `${context}: ${error.message}`, { details: error.details, cause: error });
  }
}
