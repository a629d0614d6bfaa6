import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parsePortmapConfig } from "./config.ts";
import { portmap } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "chained", schema: () => portmap(), parse };
}

function parse(request: Request): Claims {
  parsePortmapConfig(request);
  return {};
}
