import * as z from "zod/mini";
import { dns, netConf } from "../../src/cni/fields.ts";

/** The whole configuration: it has no field of its own. */
export function dummy() {
  return z.extend(netConf(), { dns: z.optional(dns()) });
}
