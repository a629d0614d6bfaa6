import type { Request } from "../../src/cni/request.ts";
import type { Host } from "../../src/steps/host.ts";
import { statusWithIpam } from "../../src/steps/ipam.ts";
import { examineKind, examineMaster } from "../../src/steps/master-status.ts";
import { refuseProblems } from "../../src/steps/problems.ts";
import { parseVlanConfig } from "./config.ts";

/** Whether an ADD could succeed: asks for the kinds of link, the master and the IPAM plugin. @throws CniError unavailable */
export function status(request: Request, host: Host): void {
  const config = parseVlanConfig(request);
  statusWithIpam(request, host, () =>
    refuseProblems([
      ...examineMaster(host, { kind: "vlan", config }),
      ...(config.shared ? examineKind(host, "macvlan") : []),
    ]),
  );
}
