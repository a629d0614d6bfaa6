import { CniError, toCniError } from "../cni/error.ts";
import { translating } from "../platform/outcome.ts";

/** The error of an unusable network list, in the library's words. */
export function listError(what: string): CniError {
  return new CniError("invalidConfig", `error parsing configuration list: ${what}`);
}

/** Runs `act`. Its errors keep their code and details, and get `context` before their message. */
export function prefixed<T>(context: string, act: () => T): T {
  return translating([Error], act, (cause) => {
    const { code, message, details } = toCniError(cause);
    return new CniError(code, `${context}: ${message}`, { details, cause });
  });
}

/** Runs `decode`. Invalid JSON is refused with `context` before the reason. */
export function decoded(context: string, decode: () => unknown): unknown {
  return translating([SyntaxError], decode, (cause) => {
    return new CniError("decodingFailure", `${context}: ${cause.message}`, { cause });
  });
}

/** Runs `act`, which reads or writes files. Its errors become a CniError ioFailure with `context` before the reason. */
export function asIoFailure<T>(context: string, act: () => T): T {
  return translating([Error], act, (cause) => {
    return new CniError("ioFailure", `${context}: ${cause.message}`, { cause });
  });
}
