import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { refuseUnreportable } from "../../src/steps/container-interface.ts";
import { parseTapConfig } from "./config.ts";
import { tap } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => tap(), parse };
}

function parse(request: Request): Claims {
  if (parseTapConfig(request).ipam === undefined) refuseUnreportable(request);
  return {};
}
