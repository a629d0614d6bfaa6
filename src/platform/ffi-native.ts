import type { Library, OpenLibrary, Signatures } from "./ffi.ts";

/** Finds C functions that are linked into the executable. @throws Error if one is missing */
export const openLibrary: OpenLibrary = <const S extends Signatures>(path: string, signatures: S): Library<S> => {
  const functions: Record<string, unknown> = {};
  for (const name of Object.keys(signatures)) {
    functions[name] = native.find(name);
    if (functions[name] === undefined) throw new Error(`Cannot find "${name}" of ${path}`);
  }
  return { functions: functions as Library<S>["functions"], errno: native.errno, addressOf: native.address };
};
