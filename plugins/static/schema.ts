import * as z from "zod/mini";
import { address, dns, route, text } from "../../src/cni/fields.ts";

/** The whole configuration. The addresses are text: which of them count decides what the runtime asks for. */
export function staticPlugin() {
  const ips = z.optional(z.array(text()));
  const entry = z.object({ address: z._default(text(), ""), gateway: z.optional(address()) });
  return z.object({
    ipam: z.optional(
      z.object({
        type: z.optional(text()),
        addresses: z.optional(z.array(entry)),
        routes: z.optional(z.array(route())),
        dns: z.optional(dns()),
        checkConflict: z._default(z.boolean(), false),
      }),
    ),
    runtimeConfig: z.optional(z.object({ ips })),
    args: z.optional(z.object({ cni: z.optional(z.object({ ips })) })),
  });
}
