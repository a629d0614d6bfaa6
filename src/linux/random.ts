import { LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";

/** Random bytes, 256 at most, which the kernel returns in one call. Loading node:crypto would cost 8 ms. getrandom(2) */
export function randomBytes(length: number): Uint8Array {
  const { functions, errno } = libc();
  const bytes = new Uint8Array(length);
  if (functions.getrandom(bytes, length, 0) === length) return bytes;
  throw new LinuxError("get random bytes", { syscall: "getrandom", errno: errno() });
}
