/**
 * Adds TextEncoder and TextDecoder, which the engine lacks: only UTF-8, and only what our code and its packages call. Also adds random
 * numbers from the kernel: the engine's own would be equal in each process, because all start with one heap image.
 */
export function installGlobals(): void {
  Object.assign(globalThis, { TextEncoder: Utf8Encoder, TextDecoder: Utf8Decoder });
  Math.random = native.random;
  // proper-lockfile sets timers, which never fire in a synchronous process.
  Object.assign(globalThis, { setTimeout: () => ({ unref: () => {} }), clearTimeout: () => {} });
}

/** The engine makes each of its functions when it is first read. This reads them all, for the heap that every process begins with. */
export function instantiateGlobals(): void {
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (!(value instanceof Object) || seen.has(value)) return;
    seen.add(value);
    visit(Object.getPrototypeOf(value));
    for (const { value: each, get } of Object.values(Object.getOwnPropertyDescriptors(value))) {
      visit(each);
      visit(get);
    }
  };
  visit(globalThis);
}

class Utf8Encoder {
  readonly encoding = "utf-8";

  encode(text = ""): Uint8Array<ArrayBuffer> {
    return native.encode(text);
  }

  /** Encodes whole characters only. */
  encodeInto(text: string, bytes: Uint8Array): { readonly read: number; readonly written: number } {
    const encoded = native.encode(text);
    let written = Math.min(encoded.length, bytes.length);
    // A continuation byte is 10xxxxxx.
    while (((encoded[written] ?? 0) & 0xc0) === 0x80) written--;
    bytes.set(encoded.subarray(0, written));
    return { read: native.decode(encoded.subarray(0, written)).length, written };
  }
}

class Utf8Decoder {
  readonly encoding = "utf-8";
  readonly #keepsMark: boolean;

  constructor(_label?: string, { ignoreBOM = false }: { readonly ignoreBOM?: boolean } = {}) {
    this.#keepsMark = ignoreBOM;
  }

  decode(bytes: Uint8Array = new Uint8Array()): string {
    const text = native.decode(bytes);
    return this.#keepsMark || text.charCodeAt(0) !== 0xfeff ? text : text.slice(1);
  }
}
