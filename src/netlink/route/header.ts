import { viewOf, viewOfStruct } from "../bytes.ts";

/** struct rtmsg: what every message about a route begins with. <linux/rtnetlink.h> */
export interface RouteHeader {
  readonly family: number;
  readonly destinationLength: number;
  readonly sourceLength: number;
  readonly tos: number;
  /** RT_TABLE, as far as it fits into 8 bits; the attribute `table` has all. */
  readonly table: number;
  /** RTPROT: who made it. */
  readonly protocol: number;
  /** RT_SCOPE. */
  readonly scope: number;
  /** RTN. */
  readonly type: number;
  /** RTM_F and RTNH_F bits. */
  readonly flags: number;
}

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

export function encodeRouteHeader(header: Partial<RouteHeader>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(ROUTE_HEADER_SIZE);
  const view = viewOf(bytes);
  view.setUint8(0, header.family ?? 0);
  view.setUint8(1, header.destinationLength ?? 0);
  view.setUint8(2, header.sourceLength ?? 0);
  view.setUint8(3, header.tos ?? 0);
  view.setUint8(4, header.table ?? 0);
  view.setUint8(5, header.protocol ?? 0);
  view.setUint8(6, header.scope ?? 0);
  view.setUint8(7, header.type ?? 0);
  view.setUint32(8, header.flags ?? 0, true);
  return bytes;
}

/** @throws RangeError when the input is shorter than the structure */
export function decodeRouteHeader(bytes: Uint8Array): RouteHeader {
  const view = viewOfStruct(bytes, "struct rtmsg", ROUTE_HEADER_SIZE);
  return {
    family: view.getUint8(0),
    destinationLength: view.getUint8(1),
    sourceLength: view.getUint8(2),
    tos: view.getUint8(3),
    table: view.getUint8(4),
    protocol: view.getUint8(5),
    scope: view.getUint8(6),
    type: view.getUint8(7),
    flags: view.getUint32(8, true),
  };
}
