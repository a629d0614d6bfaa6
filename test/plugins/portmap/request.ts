import type { Request } from "../../../src/cni/request.ts";
import type { SpecVersion } from "../../../src/cni/version.ts";
import { addRequest } from "../request.ts";

/** A call of portmap for interface "container" of container c1 on network "test". */
export function portmapRequest(fields: object, version: SpecVersion = "1.1.0"): Request {
  const json = { cniVersion: version, name: "test", type: "portmap", ...fields };
  return addRequest(json, { network: "test", version, ifname: "container" });
}
