import { ignoring } from "../platform/outcome.ts";
/** What `decode` reads in bytes, or nothing if it throws a RangeError: anybody on a link can send anything. */
export function decodeIfWhole<T>(decode: (bytes: Uint8Array) => T, bytes: Uint8Array): readonly T[] {
  return ignoring([RangeError], () => [decode(bytes)]) ?? [];
}
