import { CniError, toCniError } from "../cni/error.ts";

/** The error of an unusable network list, in the library's words. */
export function listError(what: string): CniError {
  return new CniError("invalidConfig", `error parsing configuration list: ${what}`);
}

/** Runs `act`. Its errors keep their code and details, and get `context` before their message. */
export function prefixed<T>(context: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { code, message, details } = toCniError(error);
    throw new CniError(code, `${context}: ${message}`, { details, cause: error });
  }
}

/** Runs `decode`. Invalid JSON is refused with `context` before the reason. */
export function decoded(context: string, decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CniError("decodingFailure", `${context}: ${error.message}`, { cause: error });
  }
}
