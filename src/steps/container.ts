import fs from "#fs";
import { CniError } from "../cni/error.ts";
import { ERRNO, LinuxError } from "../linux/errno.ts";
import { openNetns } from "../linux/netns.ts";
import { getSocketOption, SO, SOL } from "../linux/socket.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import { type Netlink, openNetlink } from "../netlink/socket.ts";

/** A container's network namespace: open, with a socket that serves it. */
export interface Container {
  /** CNI_NETNS. */
  readonly path: string;
  /** Descriptor of the namespace. */
  readonly netns: number;
  readonly netlink: Netlink;
}

/** Opens a container's network namespace by its path. @throws CniError invalidNetns when there is none */
export function openContainer(path: string): Container {
  try {
    const netns = openNetns(path);
    return { path, netns, netlink: openNetlink({ netns }) };
  } catch (error) {
    if (error instanceof LinuxError) throw new CniError("invalidNetns", error.message, { cause: error });
    throw error;
  }
}

/**
 * The same for DEL: undefined where no namespace is left at the path, because it is empty, missing, or a plain file from
 * which the namespace was unmounted.
 */
export function findContainer(path: string): Container | undefined {
  if (path === "") return undefined;
  try {
    return openContainer(path);
  } catch (error) {
    if (error instanceof CniError && error.cause instanceof LinuxError && GONE.includes(error.cause.errno))
      return undefined;
    throw error;
  }
}

/** The container's interface of that name; undefined for one that has it as another name, besides its own. @throws NetlinkError */
export function findInterface({ netlink }: Container, ifname: string): Link | undefined {
  const link = findLink(netlink, ifname);
  return link?.name === ifname ? link : undefined;
}

/**
 * What tells the namespace from every other one of this boot, as text: its inode, which a later one may get again, and since Linux 5.14 the
 * kernel's cookie for it, which none does. @throws LinuxError
 */
export function identifyContainer({ netns, netlink }: Container): string {
  const { ino } = fs.fstatSync(netns, { bigint: true });
  const cookie = new Uint8Array(8);
  const errno = getSocketOption(netlink.fd, { level: SOL.SOCKET, name: SO.NETNS_COOKIE, value: cookie });
  if (errno === ERRNO.ENOPROTOOPT) return `${ino}`;
  if (errno !== 0) throw new LinuxError("ask for the namespace's cookie", { syscall: "getsockopt", errno });
  return `${ino}:${new DataView(cookie.buffer).getBigUint64(0, true)}`;
}

/** Errors of opening a path that leads to no namespace: it is gone, or the path is that of a socket or a device, or cannot exist. */
const GONE: readonly number[] = [
  ERRNO.ENOENT,
  ERRNO.ENOTDIR,
  ERRNO.EINVAL,
  ERRNO.ESRCH,
  ERRNO.ENXIO,
  ERRNO.ENODEV,
  ERRNO.ELOOP,
  ERRNO.ENAMETOOLONG,
];
