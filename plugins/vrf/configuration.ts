import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseVrfConfig } from "./config.ts";
import { vrf } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "chained", schema: () => vrf(), parse };
}

function parse(request: Request): Claims {
  parseVrfConfig(request);
  return {};
}
