import fs from "#fs";
import { ERRNO } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";

/**
 * Closes a descriptor through which nothing was written to a disk: a socket, a pipe, a namespace, a lock, a file that was read. An error
 * means nothing then, because the kernel gives the descriptor up all the same. close(2)
 */
export function discard(fd: number): void {
  ignoring([ERRNO.EIO, ERRNO.EINTR], () => fs.closeSync(fd));
}
