import type { Library, OpenLibrary, Signatures } from "./ffi.ts";

type Ffi = typeof import("node:ffi");
type Call = (...args: readonly (number | bigint | Uint8Array | null)[]) => number;

const TYPES = { i32: "i32", u32: "u32", size: "u64", pointer: "pointer", word: "pointer" } as const;

/** Types of 64 bits that may be numbers. */
const WIDE: readonly string[] = ["size", "word"];

/** Opens a C library through node:ffi. @throws Error if the library or a function is missing */
export const openLibrary: OpenLibrary = <const S extends Signatures>(path: string, signatures: S): Library<S> => {
  const ffi = loadQuietly();
  const definitions = Object.fromEntries(
    Object.entries(signatures).map(([name, types]) => [
      name,
      { arguments: types.map((type) => TYPES[type]), return: "i32" as const },
    ]),
  );
  const { lib } = ffi.dlopen(path);
  const calls = lib.getFunctions(definitions);
  const functions = Object.entries(signatures).map(([name, types]) => [name, widen(calls[name] as Call, types)]);
  const errno = lib.getFunction("__errno_location", { arguments: [], return: "pointer" })();
  return {
    functions: Object.fromEntries(functions),
    errno: () => ffi.getInt32(errno, 0),
    addressOf: (bytes) => ffi.getRawPointer(bytes),
  };
};

/** Converts numbers in 64-bit arguments to bigint, as node:ffi requires. */
function widen(call: Call, types: readonly string[]): Call {
  if (!types.some((type) => WIDE.includes(type))) return call;
  return (...args) =>
    call(
      ...args.map((value, index) =>
        WIDE.includes(types[index] ?? "") && typeof value === "number" ? BigInt(value) : value,
      ),
    );
}

/** Suppresses Node.js's warning that node:ffi is experimental. It would go to stderr, which is the plugin's log. */
function loadQuietly(): Ffi {
  const announce = process.emitWarning;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:ffi");
  } finally {
    process.emitWarning = announce;
  }
}
