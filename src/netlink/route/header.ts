import { u8, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** The distance of a destination. <linux/rtnetlink.h> */
export const RT_SCOPE = { UNIVERSE: 0, LINK: 253, HOST: 254, NOWHERE: 255 } as const;

/** Routing tables. <linux/rtnetlink.h> */
export const RT_TABLE = { UNSPEC: 0, COMPAT: 252, MAIN: 254, LOCAL: 255 } as const;

/** The origin of a route. <linux/rtnetlink.h> */
export const RTPROT = { KERNEL: 2, BOOT: 3, RA: 9 } as const;

/** The type of a route. <linux/rtnetlink.h> */
export const RTN = { UNICAST: 1, LOCAL: 2 } as const;

/** Flags of a route request: name the table; return the route of the table, not the resolved route for one address. <linux/rtnetlink.h> */
export const RTM_F = { LOOKUP_TABLE: 0x1000, FIB_MATCH: 0x2000 } as const;

/** Flags of a next hop. <linux/rtnetlink.h> */
export const RTNH_F = { ONLINK: 4 } as const;

/** sizeof(struct rtmsg) <linux/rtnetlink.h> */
export const ROUTE_HEADER_SIZE = 12;

/** struct rtmsg, the header of every message about a route. <linux/rtnetlink.h> */
export const routeHeader = struct("struct rtmsg", ROUTE_HEADER_SIZE, {
  family: [0, u8],
  destinationLength: [1, u8],
  sourceLength: [2, u8],
  tos: [3, u8],
  /** RT_TABLE if it fits into 8 bits; the attribute `table` always has it. */
  table: [4, u8],
  /** RTPROT, the origin. */
  protocol: [5, u8],
  /** RT_SCOPE. */
  scope: [6, u8],
  /** RTN. */
  type: [7, u8],
  /** RTM_F and RTNH_F bits. */
  flags: [8, u32],
});
