import { i32, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** Places on a link that a discipline can be at. <linux/pkt_sched.h> */
export const TC_H = { ROOT: 0xffffffff, INGRESS: 0xfffffff1 } as const;

/** The number of each discipline that is made here, as `tc` writes it: 1: and ffff: */
export const HANDLE = { TOKEN_BUCKET: 0x00010000, INGRESS: 0xffff0000 } as const;

/** sizeof(struct tcmsg) <linux/rtnetlink.h> */
export const QDISC_HEADER_SIZE = 20;

/** struct tcmsg: what every message about a queueing discipline begins with. <linux/rtnetlink.h> */
export const qdiscHeader = struct("struct tcmsg", QDISC_HEADER_SIZE, {
  /** The link's index. */
  index: [4, i32],
  /** The discipline's own number: 0x00010000 is what `tc` writes as 1: */
  handle: [8, u32],
  /** Where on the link it is: TC_H. */
  parent: [12, u32],
  info: [16, u32],
});
