import { ERRNO, LinuxError } from "./errno.ts";
import { libc } from "./libc.ts";

/** Puts a link's name in place of its index. <linux/sockios.h> */
const SIOCGIFNAME = 0x8910;

/** sizeof(struct ifreq), and where it has the index; the name is its beginning: linux/if.h */
const IFREQ = { size: 40, index: 16 } as const;

/**
 * Whether a socket's namespace has a link of that index. Nobody who changes links is waited for, as every question of rtnetlink
 * would be. netdevice(7) @throws LinuxError
 */
export function hasLinkIndex(socket: number, index: number): boolean {
  const request = new Uint8Array(IFREQ.size);
  new DataView(request.buffer).setInt32(IFREQ.index, index, true);
  const { functions, errno } = libc();
  if (functions.ioctl(socket, SIOCGIFNAME, request) !== -1) return true;
  const found = errno();
  if (found === ERRNO.ENODEV) return false;
  throw new LinuxError(`look for link ${index}`, { syscall: "ioctl", errno: found });
}
