// Byte strings with what every runtime has: Buffer is Node.js's alone.

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

/** Whether bytes hold others in one piece; "" is everywhere. */
export function holdsBytes(bytes: Uint8Array, part: Uint8Array): boolean {
  const [first] = part;
  if (first === undefined) return true;
  for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1))
    if (isSameBytes(bytes.subarray(at, at + part.length), part)) return true;
  return false;
}

/** How many bytes a text has in UTF-8. */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
