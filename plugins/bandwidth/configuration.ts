import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseBandwidthConfig } from "./config.ts";
import { bandwidth } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "chained", schema: () => bandwidth(), parse };
}

function parse(request: Request): Claims {
  parseBandwidthConfig(request);
  return {};
}
