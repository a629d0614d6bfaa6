import { i32, u16, u16be, u32 } from "../codec.ts";
import { QDISC_HEADER_SIZE } from "../qdisc/header.ts";
import { struct } from "../struct.ts";

/** Ethernet protocols. <linux/if_ether.h> */
export const ETH_P = { ALL: 0x0003 } as const;

/** struct tcmsg of a filter. Its `info` consists of two numbers. <linux/rtnetlink.h> */
export const filterHeader = struct("struct tcmsg", QDISC_HEADER_SIZE, {
  /** The link's index. */
  index: [4, i32],
  handle: [8, u32],
  /** The attachment point on the link: TC_H, or the handle of a qdisc. */
  parent: [12, u32],
  /** ETH_P. */
  protocol: [16, u16be],
  /** The lowest number is applied first. */
  priority: [18, u16],
});
