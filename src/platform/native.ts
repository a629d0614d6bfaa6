/** What native/host.c offers to JavaScript. Bytes are views of an `ArrayBuffer`. */
export interface Native {
  /** The process's arguments, argv[0] first. */
  readonly argv: readonly string[];
  /** A C function of src/platform/libc.ts, or undefined for any other name. */
  find(name: string): ((...args: readonly (number | Uint8Array | null)[]) => number) | undefined;
  /** errno after the last call of a function below or of one that was found. */
  errno(): number;
  /** Where the bytes lie. */
  address(bytes: Uint8Array): bigint;
  /** UTF-8 as TextEncoder and TextDecoder have it; a byte order mark is kept. */
  encode(text: string): Uint8Array<ArrayBuffer>;
  decode(bytes: Uint8Array): string;
  /** Null, and errno, where the kernel refused. A path must be without null bytes. */
  readdir(path: string): string[] | null;
  realpath(path: string): string | null;
  directory(): string | null;
  environment(): Readonly<Record<string, string>>;
  /** SHA-256 or SHA-512, in hex. */
  digest(bits: 256 | 512, bytes: Uint8Array): string;
  /** A number from 0 to 1, without 1. */
  random(): number;
  exit(code: number): never;
}

declare global {
  /** There in the native image alone. */
  const native: Native;
}
