import { type Nfnetlink, openNfnetlink } from "../netlink/socket.ts";
import { LinuxError } from "../platform/errno.ts";
import { ignoring } from "../platform/outcome.ts";

/** A socket of NETLINK_NETFILTER; undefined on a kernel without it. */
export function findNfnetlink(): Nfnetlink | undefined {
  return ignoring([LinuxError], () => openNfnetlink());
}
