import { dlopen, ptr, read } from "bun:ffi";
import type { Library, OpenLibrary, Signatures } from "./ffi.ts";

const TYPES = { i32: "i32", u32: "u32", size: "u64_fast", pointer: "ptr" } as const;

/** Opens a C library through bun:ffi. @throws Error when the library or a function is missing */
export const openLibrary: OpenLibrary = <const S extends Signatures>(path: string, signatures: S): Library<S> => {
  const symbols = Object.entries(signatures).map(([name, types]) => [
    name,
    { args: types.map((type) => TYPES[type]), returns: "i32" },
  ]);
  const library = dlopen(path, {
    ...Object.fromEntries(symbols),
    __errno_location: { args: [], returns: "ptr" },
  });
  const errno = library.symbols["__errno_location"]?.() ?? 0;
  return {
    functions: library.symbols as unknown as Library<S>["functions"],
    errno: () => read.i32(errno, 0),
    addressOf: (bytes) => BigInt(ptr(bytes)),
  };
};
