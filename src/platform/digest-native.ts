/** SHA-512 of a text's UTF-8, in hex. */
export function sha512(text: string): string {
  return native.digest(512, native.encode(text));
}

/** SHA-256 of bytes, in hex. */
export function sha256(bytes: Uint8Array): string {
  return native.digest(256, bytes);
}
