import * as z from "zod/mini";
import { integer, netConf } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function bandwidth() {
  return z.extend(netConf(), {
    ...limits(),
    runtimeConfig: z.optional(z.object({ bandwidth: z.optional(z.object(limits())) })),
  });
}

function limits() {
  const bits = z.optional(integer({ min: 0 }));
  return { ingressRate: bits, ingressBurst: bits, egressRate: bits, egressBurst: bits };
}
