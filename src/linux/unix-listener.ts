import fs from "#fs";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { libcServer } from "../platform/libc.ts";
import { AF, bindSocket, openPrepared, SOCK } from "./socket.ts";
import { connectUnix, encodeUnixAddress } from "./unix-stream.ts";

/** The kind of a file in its mode. <linux/stat.h> */
const S_IFMT = 0o170000;
const S_IFSOCK = 0o140000;

/** How many connections may wait to be accepted. */
const BACKLOG = 128;

/**
 * Listens on a new socket at a path. One that a killed process left there is replaced. No call on it waits. The caller closes the
 * descriptor and deletes the path. unix(7) @throws LinuxError EADDRINUSE if a process serves it
 */
export function listenUnix(path: string): number {
  deleteUnserved(path);
  return openPrepared([AF.UNIX, SOCK.STREAM | SOCK.NONBLOCK, 0], (fd) => {
    bindSocket(fd, encodeUnixAddress(path));
    const { functions, errno } = libcServer();
    if (functions.listen(fd, BACKLOG) !== 0)
      throw new LinuxError(`listen on "${path}"`, { syscall: "listen", errno: errno() });
  });
}

/** The next connection, as an open descriptor; undefined if none waits. @throws LinuxError */
export function acceptUnix(fd: number): number | undefined {
  const { functions, errno } = libcServer();
  const accepted = functions.accept4(fd, null, null, SOCK.NONBLOCK | SOCK.CLOEXEC);
  if (accepted !== -1) return accepted;
  const found = errno();
  if (found === ERRNO.EAGAIN || found === ERRNO.EINTR) return undefined;
  throw new LinuxError("accept a connection", { syscall: "accept4", errno: found });
}

function deleteUnserved(path: string): void {
  try {
    connectUnix(path, { atOnce: true }).close();
  } catch (error) {
    if (error instanceof LinuxError && error.errno === ERRNO.ECONNREFUSED && isSocket(path)) fs.unlinkSync(path);
  }
}

/** A file of another kind refuses connections as well. */
function isSocket(path: string): boolean {
  return (fs.statSync(path).mode & S_IFMT) === S_IFSOCK;
}
