import * as z from "zod/mini";
import { integer, netConf, text } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function ipvlan() {
  return z.extend(netConf(), {
    master: z.optional(text()),
    mode: z._default(text(), ""),
    flags: z._default(text(), ""),
    mtu: z._default(integer(), 0),
    linkInContainer: z._default(z.boolean(), false),
  });
}
