import { CniError, toCniError } from "../cni/error.ts";

/** The error of a network list that cannot be used, in the library's words. */
export function listError(what: string): CniError {
  return new CniError("invalidConfig", `error parsing configuration list: ${what}`);
}

/** Runs `act`; what it throws keeps its code and details, and carries `context` in front of its message. */
export function prefixed<T>(context: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { code, message, details } = toCniError(error);
    throw new CniError(code, `${context}: ${message}`, { details, cause: error });
  }
}

/** Runs `decode`; what is no JSON is refused with `context` in front of the reason. */
export function decoded(context: string, decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CniError("decodingFailure", `${context}: ${error.message}`, { cause: error });
  }
}
