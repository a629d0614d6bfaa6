/** The C types that our functions take, in our own words. `size` is size_t, and any other 64-bit count. */
export type CType = "i32" | "u32" | "size" | "pointer";

/** Each C function by name, with the types of its arguments. All return int, or something whose low 32 bits tell enough. */
export type Signatures = Readonly<Record<string, readonly CType[]>>;

type Argument<T> = T extends "pointer" ? Uint8Array | null : number;

type Arguments<T extends readonly CType[]> = { [I in keyof T]: Argument<T[I]> };

type Functions<S extends Signatures> = { readonly [N in keyof S]: (...args: Arguments<S[N]>) => number };

/** An opened C library. `errno` is the calling thread's, and must be read right after the call that failed. */
export interface Library<S extends Signatures> {
  readonly functions: Functions<S>;
  readonly errno: () => number;
  /** Where the bytes lie, for a pointer inside a C structure. Only for views of an `ArrayBuffer` made by the caller, which must be kept alive. */
  readonly addressOf: (bytes: Uint8Array) => bigint;
}

/** What a backend (package.json's "#ffi" chooses ffi-node.ts or ffi-native.ts) exports as `openLibrary`. */
export type OpenLibrary = <const S extends Signatures>(path: string, signatures: S) => Library<S>;
