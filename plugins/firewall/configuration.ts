import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseFirewallConfig } from "./config.ts";
import { firewall } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "chained", schema: () => firewall(), parse };
}

function parse(request: Request): Claims {
  parseFirewallConfig(request);
  return {};
}
