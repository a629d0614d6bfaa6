import { u8, u32 } from "../codec.ts";
import { struct } from "../struct.ts";

/** How far away a destination is. <linux/rtnetlink.h> */
export const RT_SCOPE = { UNIVERSE: 0, LINK: 253, NOWHERE: 255 } as const;

/** Routing tables. <linux/rtnetlink.h> */
export const RT_TABLE = { UNSPEC: 0, COMPAT: 252, MAIN: 254 } as const;

/** Who made a route. <linux/rtnetlink.h> */
export const RTPROT = { BOOT: 3 } as const;

/** What a route does. <linux/rtnetlink.h> */
export const RTN = { UNICAST: 1, LOCAL: 2 } as const;

/** Flags of a request for a route: the route itself, not where it leads that one address. <linux/rtnetlink.h> */
export const RTM_F = { FIB_MATCH: 0x2000 } as const;

/** Flags of a next hop. <linux/rtnetlink.h> */
export const RTNH_F = { ONLINK: 4 } as const;

/** sizeof(struct rtmsg) <linux/rtnetlink.h> */
export const ROUTE_HEADER_SIZE = 12;

/** struct rtmsg: what every message about a route begins with. <linux/rtnetlink.h> */
export const routeHeader = struct("struct rtmsg", ROUTE_HEADER_SIZE, {
  family: [0, u8],
  destinationLength: [1, u8],
  sourceLength: [2, u8],
  tos: [3, u8],
  /** RT_TABLE, as far as it fits into 8 bits; the attribute `table` has all. */
  table: [4, u8],
  /** RTPROT: who made it. */
  protocol: [5, u8],
  /** RT_SCOPE. */
  scope: [6, u8],
  /** RTN. */
  type: [7, u8],
  /** RTM_F and RTNH_F bits. */
  flags: [8, u32],
});
