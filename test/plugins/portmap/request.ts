import { createRequest, type Request } from "../../../src/cni/request.ts";
import type { SpecVersion } from "../../../src/cni/version.ts";

/** A call of portmap for interface "container" of container c1 on network "test". */
export function portmapRequest(fields: object, version: SpecVersion = "1.1.0"): Request {
  const json = { cniVersion: version, name: "test", type: "portmap", ...fields };
  return createRequest("ADD", {
    network: { name: "test", json },
    version,
    stdin: Buffer.from(JSON.stringify(json)),
    environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: "container" },
    log: () => {},
  });
}
