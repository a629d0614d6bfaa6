import { refusals } from "../../netlink/acknowledgement.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { ERRNO } from "../../platform/errno.ts";
import { succeeds } from "../../platform/outcome.ts";
import { getGeneration } from "./generation.ts";

/** Errors of a kernel that lacks a part of netfilter. */
const MISSING: readonly number[] = [ERRNO.EINVAL, ERRNO.EOPNOTSUPP];

/** Whether the kernel has nf_tables, by one small request. @throws NetlinkError EPERM without CAP_NET_ADMIN, when this cannot be known */
export function supportsNftables(netlink: Nfnetlink): boolean {
  return succeeds(refusals(...MISSING), () => getGeneration(netlink));
}
