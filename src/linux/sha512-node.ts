/** The SHA-512 of a text's UTF-8, in hex. node:crypto takes 8 ms to load, so only a call loads it. */
export function sha512(text: string): string {
  return process.getBuiltinModule("node:crypto").createHash("sha512").update(text).digest("hex");
}
