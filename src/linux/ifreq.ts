import { ERRNO, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";

/** Puts a link's name in place of its index. <linux/sockios.h> */
const SIOCGIFNAME = 0x8910;

/** Asks for the MTU, an int. <linux/sockios.h> */
export const SIOCGIFMTU = 0x8921;

/** Asks for the hardware address, a struct sockaddr. <linux/sockios.h> */
export const SIOCGIFHWADDR = 0x8927;

/** Asks for the index, an int. <linux/sockios.h> */
export const SIOCGIFINDEX = 0x8933;

/** Bytes of a name, with the NUL at its end. <linux/if.h> */
const IFNAMSIZ = 16;

/** sizeof(struct ifreq): the name, and the answer. <linux/if.h> */
const IFREQ_SIZE = 40;

/** The kernel's answer: `errno` is 0, and `data` the union in struct ifreq; or why there is none. */
export interface InterfaceAnswer {
  readonly errno: number;
  readonly data: Uint8Array;
}

/**
 * Asks about the interface of that name, of at most 15 bytes, in the network namespace of a socket. Not for a name that may be missing: the kernel
 * has modprobe(8) look for a driver of that name first.
 */
export function askInterface(fd: number, what: number, name: string): InterfaceAnswer {
  const struct = new Uint8Array(IFREQ_SIZE);
  new TextEncoder().encodeInto(name, struct.subarray(0, IFNAMSIZ - 1));
  const { functions, errno } = libc();
  const failed = functions.ioctl(fd, what, struct) === -1;
  return { errno: failed ? errno() : 0, data: struct.subarray(IFNAMSIZ) };
}

/**
 * Whether a socket's namespace has an interface of that index. Nobody who changes links is waited for, as every question of rtnetlink
 * would be. netdevice(7) @throws LinuxError
 */
export function hasInterfaceIndex(fd: number, index: number): boolean {
  const struct = new Uint8Array(IFREQ_SIZE);
  new DataView(struct.buffer).setInt32(IFNAMSIZ, index, true);
  const { functions, errno } = libc();
  if (functions.ioctl(fd, SIOCGIFNAME, struct) !== -1) return true;
  const found = errno();
  if (found === ERRNO.ENODEV) return false;
  throw new LinuxError(`look for interface ${index}`, { syscall: "ioctl", errno: found });
}
