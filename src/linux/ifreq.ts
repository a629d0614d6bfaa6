import { ERRNO, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";

/** Returns the name of a link by its index. <linux/sockios.h> */
const SIOCGIFNAME = 0x8910;

/** Asks for the flags, a short. <linux/sockios.h> */
export const SIOCGIFFLAGS = 0x8913;

/** Returns the MTU, an int. <linux/sockios.h> */
export const SIOCGIFMTU = 0x8921;

/** Returns the hardware address, a struct sockaddr. <linux/sockios.h> */
export const SIOCGIFHWADDR = 0x8927;

/** Returns the index, an int. <linux/sockios.h> */
export const SIOCGIFINDEX = 0x8933;

/** Bytes of a name, including the NUL. <linux/if.h> */
const IFNAMSIZ = 16;

/** sizeof(struct ifreq): the name and the answer. <linux/if.h> */
const IFREQ_SIZE = 40;

/** The kernel's answer. If `errno` is 0, `data` is the union of struct ifreq; otherwise `errno` is the reason. */
export interface InterfaceAnswer {
  readonly errno: number;
  readonly data: Uint8Array;
}

/**
 * Asks the kernel about an interface in a socket's network namespace, by its name of at most 15 bytes. Do not use it for a name that
 * may not exist: the kernel then first runs modprobe(8) for a driver of that name.
 */
export function askInterface(fd: number, what: number, name: string): InterfaceAnswer {
  const struct = new Uint8Array(IFREQ_SIZE);
  new TextEncoder().encodeInto(name, struct.subarray(0, IFNAMSIZ - 1));
  const { functions, errno } = libc();
  const failed = functions.ioctl(fd, what, struct) === -1;
  return { errno: failed ? errno() : 0, data: struct.subarray(IFNAMSIZ) };
}

/**
 * Whether a socket's namespace has an interface of that index. Unlike an rtnetlink request, it does not wait for other processes that
 * change links. netdevice(7) @throws LinuxError
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
