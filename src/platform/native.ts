/** The functions of native/host.c for JavaScript. Bytes are views of an `ArrayBuffer`. */
export interface Native {
  /** The process's arguments, argv[0] first. */
  readonly argv: readonly string[];
  /** A C function of src/platform/libc.ts; undefined for any other name. */
  find(name: string): ((...args: readonly (number | Uint8Array | null)[]) => number) | undefined;
  /** errno after the last call of a function in this interface or of one that find() returned. */
  errno(): number;
  /** The memory address of the bytes. */
  address(bytes: Uint8Array): bigint;
  /** UTF-8 like TextEncoder and TextDecoder. A byte order mark is kept. */
  encode(text: string): Uint8Array<ArrayBuffer>;
  decode(bytes: Uint8Array): string;
  /** Null, with errno set, if the kernel refused. The path must have no null bytes. */
  readdir(path: string): string[] | null;
  realpath(path: string): string | null;
  directory(): string | null;
  environment(): Readonly<Record<string, string>>;
  /** SHA-256 or SHA-512, in hex. */
  digest(bits: 256 | 512, bytes: Uint8Array): string;
  /** A number from 0 (inclusive) to 1 (exclusive). */
  random(): number;
  exit(code: number): never;
}

declare global {
  /** Exists only in the native image. */
  const native: Native;
}
