import { holdsBytes } from "../platform/bytes.ts";

/** Rounds a length up to netlink's alignment of 4 bytes. NLMSG_ALIGN and NLA_ALIGN. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/** A DataView on the bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A DataView on `what`, a C struct of at least `size` bytes. @throws RangeError naming it if the input is shorter */
export function viewOfStruct(bytes: Uint8Array, what: string, size: number): DataView {
  if (bytes.length < size)
    throw new RangeError(`Cannot decode ${what}: ${bytes.length} bytes, must be at least ${size}`);
  return viewOf(bytes);
}

/** Whether the bytes contain the text in UTF-8. "" is always contained. */
export function holdsText(bytes: Uint8Array, text: string): boolean {
  return text === "" || holdsPart(bytes, text);
}

/** Whether the bytes contain one of the parts (UTF-8 texts or bytes). True if there are no parts. */
export function holdsAny(bytes: Uint8Array, parts: readonly (string | Uint8Array)[]): boolean {
  return parts.length === 0 || parts.some((part) => holdsPart(bytes, part));
}

function holdsPart(bytes: Uint8Array, part: string | Uint8Array): boolean {
  return holdsBytes(bytes, typeof part === "string" ? new TextEncoder().encode(part) : part);
}
