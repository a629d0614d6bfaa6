import { address, u32 } from "../codec.ts";
import { nest } from "../fields.ts";
import { nextHops } from "./next-hop.ts";

/** Attributes of a route. <linux/rtnetlink.h> */
const RTA = {
  DST: 1,
  SRC: 2,
  IIF: 3,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  TABLE: 15,
} as const;

/** Metrics of a route. <linux/rtnetlink.h> */
const RTAX = { MTU: 2, ADVMSS: 8 } as const;

/** The MTU, and the TCP maximum segment size, in bytes. */
const METRIC_FIELDS = { mtu: [RTAX.MTU, u32], advmss: [RTAX.ADVMSS, u32] } as const;

/** The attributes of a route that we use. */
export const ROUTE_FIELDS = {
  destination: [RTA.DST, address],
  source: [RTA.SRC, address],
  input: [RTA.IIF, u32],
  index: [RTA.OIF, u32],
  gateway: [RTA.GATEWAY, address],
  priority: [RTA.PRIORITY, u32],
  preferredSource: [RTA.PREFSRC, address],
  metrics: [RTA.METRICS, nest(METRIC_FIELDS, false)],
  nextHops: [RTA.MULTIPATH, nextHops],
  table: [RTA.TABLE, u32],
} as const;
