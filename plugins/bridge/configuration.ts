import type { Claims, Configuration } from "../../src/cni/configuration.ts";
import type { Request } from "../../src/cni/request.ts";
import { refuseUnreportable } from "../../src/steps/container-interface.ts";
import { parseBridgeConfig } from "./config.ts";
import { bridge } from "./schema.ts";

/** What `cnictl validate` and `cnictl schema` ask. */
export function configuration(): Configuration {
  return { place: "interface", schema: () => bridge(), parse };
}

function parse(request: Request): Claims {
  const config = parseBridgeConfig(request);
  if (config.ipam === undefined) refuseUnreportable(request);
  const { bridge: name, vlan, isGateway } = config;
  return { bridge: { name, vlan, isGateway, mtu: config.mtu === "auto" ? undefined : config.mtu } };
}
