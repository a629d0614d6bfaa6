import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { refuseForbidden } from "./allow-list.ts";
import { parseTuningConfig } from "./config.ts";
import { tuning } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "chained", schema: () => tuning(), parse };
}

function parse(request: Request): Claims {
  refuseForbidden(parseTuningConfig(request).sysctls);
  return {};
}
