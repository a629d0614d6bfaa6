import * as z from "zod/mini";
import { dns, integer, interfaceMac, netConf, text } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function macvlan() {
  const mac = z.optional(interfaceMac());
  return z.extend(netConf(), {
    master: z.optional(text()),
    mode: z._default(text(), ""),
    mtu: z._default(integer(), 0),
    mac,
    linkInContainer: z._default(z.boolean(), false),
    bcqueuelen: z._default(integer({ min: 0, max: 0xffffffff }), 0),
    dns: z.optional(dns()),
    args: z.optional(z.object({ cni: z.optional(z.object({ mac })) })),
    runtimeConfig: z.optional(z.object({ mac })),
  });
}
