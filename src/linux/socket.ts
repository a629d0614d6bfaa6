import { ERRNO, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { discard } from "./discard.ts";
import { poll } from "./poll.ts";

/** Address families. <sys/socket.h> */
export const AF = { UNIX: 1, INET: 2, BRIDGE: 7, INET6: 10, NETLINK: 16, PACKET: 17 } as const;

/** Socket types, and flags: no call waits, and no child process inherits the socket. <sys/socket.h> */
export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** Levels of socket options. <sys/socket.h>, <netinet/in.h> */
export const SOL = { IP: 0, SOCKET: 1, IPV6: 41, PACKET: 263, NETLINK: 270 } as const;

/** Options of every socket. <sys/socket.h> */
export const SO = { SNDBUFFORCE: 32, NETNS_COOKIE: 71 } as const;

/** Flags of send and receive. <sys/socket.h> */
const MSG = { TRUNC: 0x20, DONTWAIT: 0x40 } as const;

/** Opens a socket that no child process inherits. The caller closes it. @throws LinuxError */
export function openSocket(family: number, type: number, protocol: number): number {
  const { functions, errno } = libc();
  const fd = functions.socket(family, type | SOCK.CLOEXEC, protocol);
  if (fd === -1) throw new LinuxError("open a socket", { syscall: "socket", errno: errno() });
  return fd;
}

/** Opens a socket and prepares it. It is closed if that fails. @throws LinuxError, and the errors of `prepare` */
export function openPrepared(
  [family, type, protocol]: readonly [family: number, type: number, protocol: number],
  prepare: (fd: number) => void,
): number {
  const fd = openSocket(family, type, protocol);
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    discard(fd);
    throw error;
  }
}

/** Binds a socket to a struct sockaddr. @throws LinuxError */
export function bindSocket(fd: number, address: Uint8Array): void {
  const { functions, errno } = libc();
  if (functions.bind(fd, address, address.length) === -1) {
    throw new LinuxError("bind a socket", { syscall: "bind", errno: errno() });
  }
}

/** Sets an integer option of a socket. Returns whether the kernel accepted it: older kernels lack some options. */
export function setSocketOption(fd: number, option: { level: number; name: number; value: number }): boolean {
  return setSocketBytes(fd, { ...option, value: new Uint8Array(Uint32Array.of(option.value).buffer) });
}

/** Sets an option of a socket that is no integer. Returns whether the kernel accepted it. */
export function setSocketBytes(fd: number, option: { level: number; name: number; value: Uint8Array }): boolean {
  const { level, name, value } = option;
  return libc().functions.setsockopt(fd, level, name, value, value.length) === 0;
}

/** Reads an option of a socket into `value`, which must have the option's size. Returns 0, or the errno of the refusal. */
export function getSocketOption(fd: number, option: { level: number; name: number; value: Uint8Array }): number {
  const { functions, errno } = libc();
  const { level, name, value } = option;
  const size = new Uint8Array(Uint32Array.of(value.length).buffer);
  return functions.getsockopt(fd, level, name, value, size) === 0 ? 0 : errno();
}

/** Sends one datagram, to a struct sockaddr if one is given. @throws LinuxError */
export function sendDatagram(fd: number, bytes: Uint8Array, address: Uint8Array | null = null): void {
  const { functions, errno } = libc();
  for (;;) {
    if (functions.sendto(fd, bytes, bytes.length, 0, address, address?.length ?? 0) !== -1) return;
    const found = errno();
    if (found !== ERRNO.EINTR) throw new LinuxError("send to a socket", { syscall: "sendto", errno: found });
  }
}

/**
 * Waits for one datagram. `sender` receives the struct sockaddr of its source. Returns the part of `buffer` that the datagram fills,
 * or undefined if `deadline` (of `performance.now()`) passes first. @throws LinuxError EMSGSIZE if it is longer than `buffer`
 */
export function receiveDatagram(
  fd: number,
  into: { buffer: Uint8Array; sender: Uint8Array; deadline: number },
): Uint8Array | undefined {
  const { functions, errno } = libc();
  const { buffer, sender, deadline } = into;
  for (;;) {
    const size = new Uint8Array(Uint32Array.of(sender.length).buffer);
    const length = functions.recvfrom(fd, buffer, buffer.length, MSG.DONTWAIT | MSG.TRUNC, sender, size);
    const found = length === -1 ? errno() : length > buffer.length ? ERRNO.EMSGSIZE : 0;
    if (found === 0) return buffer.subarray(0, length);
    if (found === ERRNO.EAGAIN) {
      if (!waitReadable(fd, deadline)) return undefined;
    } else if (found !== ERRNO.EINTR) {
      throw new LinuxError("receive from a socket", { syscall: "recvfrom", errno: found });
    }
  }
}

function waitReadable(fd: number, deadline: number): boolean {
  for (;;) {
    const left = deadline - performance.now();
    if (left <= 0) return false;
    if (poll([fd], left).includes(true)) return true;
  }
}
