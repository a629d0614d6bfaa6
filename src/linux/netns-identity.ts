import fs from "#fs";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { discard } from "./discard.ts";
import { withNetns } from "./netns.ts";
import { AF, getSocketOption, openSocket, SO, SOCK, SOL } from "./socket.ts";

/**
 * A text that is unique to a network namespace until the host reboots: its inode number, which a later namespace may reuse, and
 * since Linux 5.14 the kernel's cookie, which is never reused ("4026532345:4097"). `socket` is a socket of that namespace; without it,
 * the calling thread enters the namespace for a moment. @throws LinuxError
 */
export function identifyNetns(netns: number, socket?: number): string {
  const { ino } = fs.fstatSync(netns, { bigint: true });
  const cookie = socket === undefined ? withNetns(netns, readOwnCookie) : readCookie(socket);
  return cookie === undefined ? `${ino}` : `${ino}:${cookie}`;
}

function readOwnCookie(): bigint | undefined {
  const socket = openSocket(AF.UNIX, SOCK.DGRAM, 0);
  try {
    return readCookie(socket);
  } finally {
    discard(socket);
  }
}

/** Undefined before Linux 5.14. */
function readCookie(socket: number): bigint | undefined {
  const value = new Uint8Array(8);
  const errno = getSocketOption(socket, { level: SOL.SOCKET, name: SO.NETNS_COOKIE, value });
  if (errno === ERRNO.ENOPROTOOPT) return undefined;
  if (errno !== 0) throw new LinuxError("ask for the namespace's cookie", { syscall: "getsockopt", errno });
  return new DataView(value.buffer).getBigUint64(0, true);
}
