/** What `decode` reads in bytes, or nothing if it throws a RangeError: anybody on a link can send anything. */
export function decodeIfWhole<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): readonly T[] {
  try {
    return [decode(bytes)];
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}
