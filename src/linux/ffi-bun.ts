import { type Symbol as CSymbol, dlopen, ptr, read, type Type } from "bun:ffi";
import type { Library, OpenLibrary, Signatures } from "./ffi.ts";

const TYPES = { i32: "i32", u32: "u32", size: "u64_fast", pointer: "ptr" } as const;

/** Opens a C library through bun:ffi. @throws Error when the library or a function is missing */
export const openLibrary: OpenLibrary = <const S extends Signatures>(path: string, signatures: S): Library<S> => {
  const symbols: Record<string, CSymbol> = { __errno_location: { args: [], returns: "ptr" } };
  for (const [name, types] of Object.entries(signatures)) {
    const args: Type[] = [];
    for (const type of types) args.push(TYPES[type]);
    symbols[name] = { args, returns: "i32" };
  }
  const library = dlopen(path, symbols);
  const errno = library.symbols["__errno_location"]?.() ?? 0;
  return {
    functions: library.symbols as unknown as Library<S>["functions"],
    errno: () => read.i32(errno, 0),
    addressOf: (bytes) => BigInt(ptr(bytes)),
  };
};
