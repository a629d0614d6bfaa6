import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseStaticConfig } from "./config.ts";
import { staticPlugin } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "ipam", schema: () => staticPlugin(), parse };
}

function parse(request: Request): Claims {
  parseStaticConfig(request);
  return {};
}
