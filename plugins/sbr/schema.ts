import * as z from "zod/mini";
import { address, integer, netConf } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function sbr() {
  return z.extend(netConf(), {
    // FRA_TABLE is a __u32, and 0 names no table. <linux/fib_rules.h>
    table: z.optional(integer({ min: 1, max: 0xffffffff })),
    gateways: z._default(z.array(address()), []),
    addSourceHints: z._default(z.boolean(), false),
  });
}
