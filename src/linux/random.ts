import { LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";

/** So many random bytes, 256 at the most, which the kernel gives all at once. Loading node:crypto for them would cost 8 ms. getrandom(2) */
export function randomBytes(length: number): Uint8Array {
  const { functions, errno } = libc();
  const bytes = new Uint8Array(length);
  if (functions.getrandom(bytes, length, 0) === length) return bytes;
  throw new LinuxError("get random bytes", { syscall: "getrandom", errno: errno() });
}
