import { ERRNO } from "../../platform/errno.ts";
import { ignoring } from "../../platform/outcome.ts";
import { refusals } from "../acknowledgement.ts";
import type { LinkId } from "../link/message.ts";
import { NLM_F } from "../message.ts";
import { RTM } from "../rtnetlink.ts";
import type { Rtnetlink } from "../socket.ts";
import { encodeQdisc, type Qdisc, readQdisc } from "./message.ts";

/**
 * The qdisc at an attachment point (TC_H) of a link; undefined if there is none. `tc qdisc show dev NAME` lists the qdiscs of all
 * links instead. @throws NetlinkError
 */
export function findQdisc(netlink: Rtnetlink, link: LinkId, parent: number): Qdisc | undefined {
  const payload = encodeQdisc({ header: { index: link.index, parent }, attributes: {} });
  // The kernel answers with the echo of a notification, and not at all for a default qdisc.
  const flags = NLM_F.ECHO | NLM_F.ACK;
  const request = { type: RTM.GETQDISC, flags, payload, action: `get a qdisc of link "${link.name}"` };
  const [message] = ignoring(refusals(ERRNO.ENOENT), () => netlink.request(request)) ?? [];
  return message && readQdisc(message.payload);
}
