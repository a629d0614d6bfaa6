import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseNewNameConfig } from "./config.ts";
import { newName } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "chained", schema: () => newName(), parse };
}

function parse(request: Request): Claims {
  parseNewNameConfig(request);
  return {};
}
