import * as z from "zod/mini";
import { dns, integer, interfaceMac, netConf, text } from "../../src/cni/fields.ts";

/** The kernel's limits, of an `int` and of a user's number. The last number of 32 bits means none. */
const MAX_MTU = 0x7fffffff;
const MAX_ID = 0xfffffffe;

/** The whole configuration. */
export function tap() {
  const mac = z.optional(interfaceMac());
  const id = z.optional(integer({ min: 0, max: MAX_ID }));
  return z.extend(netConf(), {
    multiQueue: z._default(z.boolean(), false),
    mtu: z._default(integer({ min: 0, max: MAX_MTU }), 0),
    mac,
    owner: id,
    group: id,
    selinuxContext: z.optional(text()),
    bridge: z.optional(text()),
    dns: z.optional(dns()),
    args: z.optional(z.object({ cni: z.optional(z.object({ mac })) })),
    runtimeConfig: z.optional(z.object({ mac })),
  });
}
