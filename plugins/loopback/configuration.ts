import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import { netConf } from "../../src/cni/fields.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => netConf(), parse };
}

/** Every configuration will do: loopback has no fields. */
function parse(): Claims {
  return {};
}
