import fs from "#fs";
import { ERRNO, errnoOf, LinuxError } from "../platform/errno.ts";
import { libc } from "../platform/libc.ts";
import { discard } from "./discard.ts";

/** The device by which a process makes and uses a tap. */
const TUN = "/dev/net/tun";

/** <fcntl.h> */
const O = { RDWR: 0o2, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

/** Makes or opens a link, sets who may open it, and keeps it when it is closed. <sys/ioctl.h>, <linux/if_tun.h> */
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const TUNSETOWNER = 0x400454cc;
const TUNSETGROUP = 0x400454ce;

/**
 * A link of Ethernet frames, without the four bytes of packet information, with the header of virtio, only if the name is free, with
 * several queues. <linux/if_tun.h>
 */
const IFF = { TAP: 0x0002, NO_PI: 0x1000, VNET_HDR: 0x4000, TUN_EXCL: 0x8000, MULTI_QUEUE: 0x0100 } as const;

/** Bytes of a name, including the NUL, and of struct ifreq. <linux/if.h> */
const IFNAMSIZ = 16;
const IFREQ_SIZE = 40;

/** A tap to make. `owner` and `group` may open it without privileges. */
export interface NewTap {
  readonly name: string;
  readonly multiQueue: boolean;
  readonly owner: number | undefined;
  readonly group: number | undefined;
}

/** Whether the host has the device that a tap needs. */
export function hasTunDevice(): boolean {
  return fs.existsSync(TUN);
}

/**
 * Makes a tap in the calling thread's network namespace, like `ip tuntap add dev NAME mode tap vnet_hdr`. It is down and stays when nobody
 * uses it. Its frames have the header of virtio and no packet information. A call that fails leaves none. @throws LinuxError EBUSY if the
 * name is taken, ENOENT without /dev/net/tun
 */
export function addTap({ name, multiQueue, owner, group }: NewTap): void {
  const action = `add tap "${name}"`;
  const fd = open(action);
  try {
    const request = new Uint8Array(IFREQ_SIZE);
    new TextEncoder().encodeInto(name, request.subarray(0, IFNAMSIZ - 1));
    const flags = IFF.TAP | IFF.NO_PI | IFF.VNET_HDR | IFF.TUN_EXCL | (multiQueue ? IFF.MULTI_QUEUE : 0);
    new DataView(request.buffer).setUint16(IFNAMSIZ, flags, true);
    control(fd, TUNSETIFF, { argument: request, action });
    if (owner !== undefined) control(fd, TUNSETOWNER, { argument: owner, action: `set the owner of tap "${name}"` });
    if (group !== undefined) control(fd, TUNSETGROUP, { argument: group, action: `set the group of tap "${name}"` });
    control(fd, TUNSETPERSIST, { argument: 1, action: `keep tap "${name}"` });
  } finally {
    discard(fd);
  }
}

function control(
  fd: number,
  what: number,
  { argument, action }: { argument: Uint8Array | number; action: string },
): void {
  const { functions, errno } = libc();
  if (functions.ioctl(fd, what, argument) !== -1) return;
  throw new LinuxError(action, { syscall: "ioctl", errno: errno() });
}

function open(action: string): number {
  try {
    return fs.openSync(TUN, O.RDWR | O.NONBLOCK | O.CLOEXEC);
  } catch (cause) {
    const errno = errnoOf(cause) ?? ERRNO.EIO;
    throw new LinuxError(`${action}: open ${TUN}`, { syscall: "open", errno, cause });
  }
}
