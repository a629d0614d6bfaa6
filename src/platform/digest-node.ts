/** SHA-512 of a text's UTF-8, in hex. */
export function sha512(text: string): string {
  return digest("sha512", text);
}

/** SHA-256 of bytes, in hex. */
export function sha256(bytes: Uint8Array): string {
  return digest("sha256", bytes);
}

/** node:crypto takes 8 ms to load, so it is loaded at the first call. */
function digest(algorithm: string, content: string | Uint8Array): string {
  return process.getBuiltinModule("node:crypto").createHash(algorithm).update(content).digest("hex");
}
