import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseSbrConfig } from "./config.ts";
import { sbr } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "chained", schema: () => sbr(), parse };
}

function parse(request: Request): Claims {
  parseSbrConfig(request);
  return {};
}
