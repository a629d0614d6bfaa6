import { holdsBytes } from "../platform/bytes.ts";

/** A length rounded up to the 4 bytes that netlink aligns everything to, NLMSG_ALIGN and NLA_ALIGN. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** A view of the same bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A view of `what`, a C structure of `size` bytes or more. @throws RangeError naming it when the input is shorter */
export function viewOfStruct(bytes: Uint8Array, what: string, size: number): DataView {
  if (bytes.length < size)
    throw new RangeError(`Cannot decode ${what}: ${bytes.length} bytes, must be at least ${size}`);
  return viewOf(bytes);
}

/** Whether bytes hold a text in UTF-8, "" included. */
export function holdsText(bytes: Uint8Array, text: string): boolean {
  return text === "" || holdsPart(bytes, text);
}

/** Whether bytes hold one of these parts, texts in UTF-8 and bytes; without any, they hold what is wanted. */
export function holdsAny(bytes: Uint8Array, parts: readonly (string | Uint8Array)[]): boolean {
  return parts.length === 0 || parts.some((part) => holdsPart(bytes, part));
}

function holdsPart(bytes: Uint8Array, part: string | Uint8Array): boolean {
  return holdsBytes(bytes, typeof part === "string" ? new TextEncoder().encode(part) : part);
}
