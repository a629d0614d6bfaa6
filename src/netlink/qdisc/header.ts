import { i32, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** Attachment points of a qdisc on a link. <linux/pkt_sched.h> */
export const TC_H = { ROOT: 0xffffffff, INGRESS: 0xfffffff1 } as const;

/** The handles of the qdiscs that we add. `tc` writes them as 1: and ffff: */
export const HANDLE = { TOKEN_BUCKET: 0x00010000, INGRESS: 0xffff0000 } as const;

/** sizeof(struct tcmsg) <linux/rtnetlink.h> */
export const QDISC_HEADER_SIZE = 20;

/** struct tcmsg, the header of every message about a qdisc. <linux/rtnetlink.h> */
export const qdiscHeader = struct("struct tcmsg", QDISC_HEADER_SIZE, {
  /** The link's index. */
  index: [4, i32],
  /** The qdisc's own handle: `tc` writes 0x00010000 as 1: */
  handle: [8, u32],
  /** The attachment point on the link: TC_H. */
  parent: [12, u32],
  info: [16, u32],
});
