import fs from "#fs";
import { getSocketOption, SO, SOL } from "../linux/socket.ts";
import type { Netlink } from "../netlink/socket.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";

/**
 * A text that is unique to a network namespace until the host reboots: its inode number, which a later namespace may reuse, and
 * since Linux 5.14 the kernel's cookie, which is never reused. @throws LinuxError
 */
export function identifyNetns(netns: number, netlink: Netlink): string {
  const { ino } = fs.fstatSync(netns, { bigint: true });
  const cookie = new Uint8Array(8);
  const errno = getSocketOption(netlink.fd, { level: SOL.SOCKET, name: SO.NETNS_COOKIE, value: cookie });
  if (errno === ERRNO.ENOPROTOOPT) return `${ino}`;
  if (errno !== 0) throw new LinuxError("ask for the namespace's cookie", { syscall: "getsockopt", errno });
  return `${ino}:${new DataView(cookie.buffer).getBigUint64(0, true)}`;
}
