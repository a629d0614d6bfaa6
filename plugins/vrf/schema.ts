import * as z from "zod/mini";
import { integer, netConf, text } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function vrf() {
  return z.extend(netConf(), {
    vrfname: z._default(text(), ""),
    // IFLA_VRF_TABLE is a __u32, and 0 leaves the choice to the plugin. <linux/if_link.h>
    table: z._default(integer({ min: 0, max: 0xffffffff }), 0),
  });
}

/** The name that DEL needs. The rest of the configuration may be invalid by then. */
export function vrfOfDel() {
  return z.object({ vrfname: z.catch(z._default(text(), ""), "") });
}
