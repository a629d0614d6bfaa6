import * as z from "zod/mini";
import { netConf, text } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function firewall() {
  const optionalText = z.optional(text());
  return z.extend(netConf(), {
    backend: optionalText,
    iptablesAdminChainName: optionalText,
    firewalldZone: optionalText,
    ingressPolicy: optionalText,
  });
}
