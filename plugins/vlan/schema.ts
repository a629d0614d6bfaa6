import * as z from "zod/mini";
import { integer, netConf, text } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function vlan() {
  return z.extend(netConf(), {
    master: z._default(text(), ""),
    vlanId: z._default(integer(), 0),
    mtu: z._default(integer(), 0),
    linkInContainer: z._default(z.boolean(), false),
    shared: z._default(z.boolean(), false),
  });
}
