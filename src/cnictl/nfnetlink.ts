import { type Nfnetlink, openNfnetlink } from "../netlink/socket.ts";
import { LinuxError } from "../platform/errno.ts";

/** A socket of NETLINK_NETFILTER; undefined on a kernel without it. */
export function findNfnetlink(): Nfnetlink | undefined {
  try {
    return openNfnetlink();
  } catch (error) {
    if (error instanceof LinuxError) return undefined;
    throw error;
  }
}
