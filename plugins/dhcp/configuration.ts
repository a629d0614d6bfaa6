import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseDhcp } from "./config.ts";
import { dhcp } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "ipam", schema: () => dhcp(), parse };
}

function parse(request: Request): Claims {
  parseDhcp(request);
  return {};
}
