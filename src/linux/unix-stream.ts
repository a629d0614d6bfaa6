import { ERRNO, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { discard } from "./discard.ts";
import { poll } from "./poll.ts";
import { AF, openPrepared, SOCK } from "./socket.ts";

/** Bytes of a path in struct sockaddr_un. <linux/un.h> */
const UNIX_PATH_MAX = 108;

/** Flags of send and receive. <sys/socket.h> */
const MSG = { DONTWAIT: 0x40, NOSIGNAL: 0x4000 } as const;

/** Bytes to read in one call. */
const CHUNK = 4096;

/** A connection to another process through a socket with a path. */
export interface UnixStream {
  /** Sends all bytes. @throws LinuxError, EAGAIN if the other process reads no more */
  readonly write: (bytes: Uint8Array) => void;
  /** The next bytes, at least one. @throws LinuxError ETIMEDOUT at `deadline` (of `performance.now()`), EPIPE at the end of the stream */
  readonly read: (deadline: number) => Uint8Array;
  readonly close: () => void;
}

/**
 * Connects to the socket at a path. A path that starts with a NUL is a name in Linux's abstract namespace. With `atOnce` it does not wait
 * for a server that has too many connections to accept. unix(7) @throws LinuxError, EAGAIN if it would wait
 */
export function connectUnix(path: string, { atOnce = false } = {}): UnixStream {
  const type = SOCK.STREAM | (atOnce ? SOCK.NONBLOCK : 0);
  const fd = openPrepared([AF.UNIX, type, 0], (opened) => connect(opened, path));
  return { write: (bytes) => write(fd, bytes), read: (deadline) => read(fd, deadline), close: () => discard(fd) };
}

/** Connects a socket to the one at a path. @throws LinuxError */
export function connect(fd: number, path: string): void {
  const { functions, errno } = libc();
  const address = encodeUnixAddress(path);
  if (functions.connect(fd, address, address.length) === 0) return;
  throw new LinuxError(`connect to ${path.replace("\0", "@")}`, { syscall: "connect", errno: errno() });
}

/** struct sockaddr_un: u16 family, then the path. The final NUL may be left out. @throws LinuxError ENAMETOOLONG */
export function encodeUnixAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  if (name.length > UNIX_PATH_MAX) {
    throw new LinuxError(`connect to ${path}`, { syscall: "connect", errno: ERRNO.ENAMETOOLONG });
  }
  return Uint8Array.of(AF.UNIX, 0, ...name);
}

/** Sends all bytes; of a datagram socket as one datagram. @throws LinuxError, EAGAIN if the other end takes no more now */
export function write(fd: number, bytes: Uint8Array): void {
  const { functions, errno } = libc();
  for (let rest = bytes; rest.length > 0; ) {
    const sent = functions.sendto(fd, rest, rest.length, MSG.DONTWAIT | MSG.NOSIGNAL, null, 0);
    const found = sent === -1 ? errno() : 0;
    if (found !== 0 && found !== ERRNO.EINTR) {
      throw new LinuxError("send to a socket", { syscall: "sendto", errno: found });
    }
    rest = rest.subarray(Math.max(0, sent));
  }
}

function read(fd: number, deadline: number): Uint8Array {
  const { functions, errno } = libc();
  const buffer = new Uint8Array(CHUNK);
  for (;;) {
    const length = functions.recvfrom(fd, buffer, buffer.length, MSG.DONTWAIT, null, null);
    const found = length === -1 ? errno() : length === 0 ? ERRNO.EPIPE : 0;
    if (found === 0) return buffer.subarray(0, length);
    if (found === ERRNO.EAGAIN) waitReadable(fd, deadline);
    else if (found !== ERRNO.EINTR) {
      throw new LinuxError("receive from a socket", { syscall: "recvfrom", errno: found });
    }
  }
}

function waitReadable(fd: number, deadline: number): void {
  const left = deadline - performance.now();
  if (left <= 0) throw new LinuxError("receive from a socket", { syscall: "poll", errno: ERRNO.ETIMEDOUT });
  poll([fd], left);
}
