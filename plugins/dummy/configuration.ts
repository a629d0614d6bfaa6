import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseDummyConfig } from "./config.ts";
import { dummy } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => dummy(), parse };
}

function parse(request: Request): Claims {
  parseDummyConfig(request);
  return {};
}
