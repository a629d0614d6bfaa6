import { ERRNO } from "../../platform/errno.ts";
import { NetlinkError } from "../acknowledgement.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { TC_H } from "./header.ts";
import { encodeQdisc } from "./message.ts";

/** The index of lo, in every network namespace. */
const LOOPBACK = 1;

/**
 * Whether the kernel has token bucket filters; it loads the module if it can. One small request that never creates one: a token bucket
 * without settings is refused. If lo has another qdisc, the kernel refuses even before that. @throws NetlinkError if the kernel
 * refuses to answer
 */
export function supportsTokenBucket(netlink: Rtnetlink): boolean {
  const payload = encodeQdisc({ header: { index: LOOPBACK, parent: TC_H.ROOT }, attributes: { kind: "tbf" } });
  const flags = NLM_F.CREATE | NLM_F.EXCL | NLM_F.ACK;
  try {
    netlink.request({ type: RTM.NEWQDISC, flags, payload, action: "ask for token bucket filters" });
    return true;
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    if (error.errno === ERRNO.EINVAL || error.errno === ERRNO.EEXIST) return true;
    if (error.errno === ERRNO.ENOENT || error.errno === ERRNO.EOPNOTSUPP) return false;
    throw error;
  }
}
