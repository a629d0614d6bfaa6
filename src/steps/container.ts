import { CniError } from "../cni/error.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import type { Container, Host } from "./host.ts";

/** Opens a container's network namespace by its path. @throws CniError invalidNetns when there is none */
export function openContainer(host: Host, path: string): Container {
  try {
    return host.openContainer(path);
  } catch (error) {
    if (error instanceof LinuxError) throw new CniError("invalidNetns", error.message, { cause: error });
    throw error;
  }
}

/**
 * Opens a container's network namespace for DEL: undefined where no namespace is left at the path, because it is empty, missing, or a
 * plain file from which the namespace was unmounted. @throws CniError invalidNetns where it cannot be opened for another reason
 */
export function findContainer(host: Host, path: string): Container | undefined {
  if (path === "") return undefined;
  try {
    return openContainer(host, path);
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
