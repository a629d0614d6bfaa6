import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseMacvlanConfig } from "./config.ts";
import { macvlan } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => macvlan(), parse };
}

function parse(request: Request): Claims {
  parseMacvlanConfig(request);
  return {};
}
