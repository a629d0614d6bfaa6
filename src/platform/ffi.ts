/** The C types of arguments. `size` is size_t, and any other 64-bit count. `word` is an unsigned long or a pointer, as for ioctl(2). */
export type CType = "i32" | "u32" | "size" | "pointer" | "word";

/** C functions by name, with the types of their arguments. All return int, or a value whose low 32 bits are enough. */
export type Signatures = Readonly<Record<string, readonly CType[]>>;

type Argument<T> = T extends "pointer" ? Uint8Array | null : T extends "word" ? Uint8Array | number | null : number;

type Arguments<T extends readonly CType[]> = { [I in keyof T]: Argument<T[I]> };

type Functions<S extends Signatures> = { readonly [N in keyof S]: (...args: Arguments<S[N]>) => number };

/** An opened C library. `errno` is the calling thread's; read it right after the failed call. */
export interface Library<S extends Signatures> {
  readonly functions: Functions<S>;
  readonly errno: () => number;
  /**
   * The memory address of the bytes, for a pointer in a C struct. Only for views of an `ArrayBuffer` that the caller created and keeps
   * alive.
   */
  readonly addressOf: (bytes: Uint8Array) => bigint;
}

/** The type of `openLibrary` in ffi-node.ts and ffi-native.ts. package.json's "#ffi" chooses one of them. */
export type OpenLibrary = <const S extends Signatures>(path: string, signatures: S) => Library<S>;
