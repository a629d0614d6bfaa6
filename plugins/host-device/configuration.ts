import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { refuseUnreportable } from "../../src/steps/container-interface.ts";
import { parseHostDeviceConfig } from "./config.ts";
import { hostDevice } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => hostDevice(), parse };
}

function parse(request: Request): Claims {
  if (parseHostDeviceConfig(request).ipam === undefined) refuseUnreportable(request);
  return {};
}
