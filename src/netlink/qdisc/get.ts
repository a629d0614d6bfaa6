import { ERRNO } from "../../platform/errno.ts";
import { NetlinkError } from "../acknowledgement.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodeQdisc, type Qdisc, readQdisc } from "./message.ts";

/**
 * The queueing discipline at a place (TC_H) of a link, like `tc qdisc show dev NAME`, which asks for those of all links. Undefined
 * where there is none. @throws NetlinkError
 */
export function findQdisc(netlink: Rtnetlink, link: LinkId, parent: number): Qdisc | undefined {
  const payload = encodeQdisc({ header: { index: link.index, parent }, attributes: {} });
  // The kernel answers by the echo of a notification, and not at all about a discipline of its own.
  const flags = NLM_F.ECHO | NLM_F.ACK;
  try {
    const action = `get a qdisc of link "${link.name}"`;
    const [message] = netlink.request({ type: RTM.GETQDISC, flags, payload, action });
    return message && readQdisc(message.payload);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno === ERRNO.ENOENT) return undefined;
    throw error;
  }
}
