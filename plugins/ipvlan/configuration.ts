import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseIpvlanConfig } from "./config.ts";
import { ipvlan } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => ipvlan(), parse };
}

function parse(request: Request): Claims {
  parseIpvlanConfig(request);
  return {};
}
