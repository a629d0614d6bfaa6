import type { Request } from "../../src/cni/request.ts";
import { supportsKind } from "../../src/netlink/link/support.ts";
import type { Host } from "../../src/steps/host.ts";
import { refuseProblems } from "../../src/steps/problems.ts";
import { parseVrfConfig } from "./config.ts";

/** Whether an ADD could succeed: asks for the kind of link. @throws CniError invalidConfig, or unavailable with the remedy */
export function status(request: Request, host: Host): void {
  parseVrfConfig(request);
  const lack = "The kernel has no VRFs: load the module vrf, or use a kernel with CONFIG_NET_VRF";
  refuseProblems(supportsKind(host.netlink, "vrf") ? [] : [lack]);
}
