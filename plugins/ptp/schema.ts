import * as z from "zod/mini";
import { dns, integer, netConf, prefix, text } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function ptp() {
  return z.extend(netConf(), {
    ipMasq: z._default(z.boolean(), false),
    ipMasqBackend: z.optional(text()),
    nonMasqueradeCIDRs: z._default(z.array(prefix()), []),
    mtu: z._default(integer({ min: 0 }), 0),
    dns: z.optional(dns()),
  });
}
