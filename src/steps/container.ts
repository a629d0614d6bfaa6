import { CniError } from "../cni/error.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import { ERRNO, LinuxError } from "../platform/errno.ts";
import { ignoring, translating } from "../platform/outcome.ts";
import type { Container, Host } from "./host.ts";

/** Opens a container's network namespace by its path. @throws CniError invalidNetns if there is none */
export function openContainer(host: Host, path: string): Container {
  const open = () => host.openContainer(path);
  return translating([LinuxError], open, (cause) => new CniError("invalidNetns", cause.message, { cause }));
}

/**
 * Opens a container's network namespace for DEL. Undefined if the path is empty, does not exist, or is a plain file from which
 * the namespace was unmounted. @throws CniError invalidNetns if it cannot be opened for another reason
 */
export function findContainer(host: Host, path: string): Container | undefined {
  return path === "" ? undefined : ignoring(isGone, () => openContainer(host, path));
}

/** The container's interface of that name. A link that has the name only as an alternative name does not count. @throws NetlinkError */
export function findInterface({ netlink }: Container, ifname: string): Link | undefined {
  const link = findLink(netlink, ifname);
  return link?.name === ifname ? link : undefined;
}

/** Errors of opening a path without a namespace: it no longer exists, leads to a socket or a device, or cannot exist. */
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

function isGone(error: unknown): boolean {
  return error instanceof CniError && error.cause instanceof LinuxError && GONE.includes(error.cause.errno);
}
