import { CniError } from "../cni/error.ts";
import { ERRNO, LinuxError } from "../linux/errno.ts";
import { openNetns } from "../linux/netns.ts";
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

/** What opening a path says where no namespace is (any more). */
const GONE: readonly number[] = [ERRNO.ENOENT, ERRNO.ENOTDIR, ERRNO.EINVAL];
