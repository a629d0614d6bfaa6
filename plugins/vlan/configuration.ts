import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseVlanConfig } from "./config.ts";
import { vlan } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => vlan(), parse };
}

function parse(request: Request): Claims {
  parseVlanConfig(request);
  return {};
}
