import type { Request } from "../../src/cni/request.ts";
import type { Host } from "../../src/steps/host.ts";
import { statusWithIpam } from "../../src/steps/ipam.ts";
import { examineKind } from "../../src/steps/master-status.ts";
import { refuseProblems } from "../../src/steps/problems.ts";
import { parseDummyConfig } from "./config.ts";

/** Whether an ADD could succeed: asks for the kind of link and the IPAM plugin. @throws CniError unavailable */
export function status(request: Request, host: Host): void {
  parseDummyConfig(request);
  statusWithIpam(request, host, () => refuseProblems(examineKind(host, "dummy")));
}
