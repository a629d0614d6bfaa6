import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parsePtpConfig } from "./config.ts";
import { ptp } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => ptp(), parse };
}

function parse(request: Request): Claims {
  parsePtpConfig(request);
  return {};
}
