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
 * Whether the kernel has token bucket filters; it loads the module where it can. One small request, which never makes one: it asks
 * for one without settings, which is refused, and where lo has a discipline of somebody else's, for that before it comes so far.
 * @throws NetlinkError when the kernel refuses to look
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
