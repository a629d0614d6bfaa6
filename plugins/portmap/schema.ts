import * as z from "zod/mini";
import { address, integer, netConf, text } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function portmap() {
  const list = z.optional(z.array(text()));
  return z.extend(netConf(), {
    backend: z.optional(text()),
    snat: z._default(z.boolean(), true),
    masqAll: z._default(z.boolean(), false),
    markMasqBit: z.optional(integer()),
    externalSetMarkChain: z.optional(text()),
    conditionsV4: list,
    conditionsV6: list,
    runtimeConfig: z.optional(z.object({ portMappings: z.optional(z.array(portMapping())) })),
  });
}

/** An entry of `portMappings`. CONVENTIONS.md, "port mappings" */
export function portMapping() {
  return z.object({
    hostPort: z._default(integer(), 0),
    containerPort: z._default(integer(), 0),
    protocol: z._default(text(), ""),
    hostIP: z.optional(address()),
  });
}
