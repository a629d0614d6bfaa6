import { ERRNO, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";

/** <poll.h> */
const POLLIN = 0x1;

/**
 * Waits until one of the descriptors is readable or at its end, or until a signal arrives, at most `timeout` milliseconds. Returns for
 * each descriptor whether it is ready; -1 never is. poll(2) @throws LinuxError
 */
export function poll(fds: readonly number[], timeout: number): readonly boolean[] {
  const { functions, errno } = libc();
  const pollfds = new Int32Array(fds.flatMap((fd) => [fd, POLLIN]));
  const count = functions.poll(new Uint8Array(pollfds.buffer), fds.length, Math.max(0, Math.ceil(timeout)));
  const found = count === -1 ? errno() : 0;
  if (found !== 0 && found !== ERRNO.EINTR) {
    throw new LinuxError("wait for descriptors", { syscall: "poll", errno: found });
  }
  // The upper half of the second word has the events.
  return fds.map((_, index) => count > 0 && ((pollfds[2 * index + 1] ?? 0) & ~0xffff) !== 0);
}
