// Byte strings without Node.js's Buffer, for every runtime.

/** Joins byte strings, in order. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether both have the same bytes. */
export function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** Whether bytes contain others in sequence. An empty part is always contained. */
export function holdsBytes(bytes: Uint8Array, part: Uint8Array): boolean {
  const [first] = part;
  if (first === undefined) return true;
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1))
    if (isSameBytes(bytes.subarray(at, at + part.length), part)) return true;
  return false;
}

/**
 * Everything that `read` returns until it returns nothing. `read` fills the buffer and returns the number of bytes. `room` is the
 * expected size; `check` gets the size so far and throws if it is too large.
 */
export function readToEnd(
  read: (buffer: Uint8Array) => number,
  { room, check = () => {} }: { room: number; check?: (length: number) => void },
): Uint8Array {
  let bytes = new Uint8Array(room);
  for (let length = 0; ; ) {
    const count = read(bytes.subarray(length));
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    check(length);
    if (length < bytes.length) continue;
    const larger = new Uint8Array(2 * length);
    larger.set(bytes);
    bytes = larger;
  }
}

/** The length of a text in UTF-8 bytes. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
