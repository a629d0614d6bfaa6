import { NetlinkError } from "../../netlink/acknowledgement.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO } from "../../platform/errno.ts";
import { getGeneration } from "./generation.ts";

/** What the kernel says to a part of netfilter that it has not got. */
const MISSING: readonly number[] = [ERRNO.EINVAL, ERRNO.EOPNOTSUPP];

/** Whether the kernel has nf_tables: one small question. @throws NetlinkError EPERM without CAP_NET_ADMIN, when there is no telling */
export function supportsNftables(netlink: Nfnetlink): boolean {
  try {
    getGeneration(netlink);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && MISSING.includes(error.errno)) return false;
    throw error;
  }
}
