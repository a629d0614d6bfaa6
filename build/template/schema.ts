import * as z from "zod/mini";
import { netConf, text } from "../../src/cni/fields.ts";

/** The whole configuration. */
export function newName() {
  return z.extend(netConf(), { label: z.optional(text()) });
}
