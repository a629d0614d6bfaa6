import type { Request } from "../../src/cni/request.ts";
import { hasTunDevice } from "../../src/linux/tun.ts";
import type { Host } from "../../src/steps/host.ts";
import { statusWithIpam } from "../../src/steps/ipam.ts";
import { refusalOf, refuseProblems } from "../../src/steps/problems.ts";
import { parseTapConfig, type TapConfig } from "./config.ts";
import { requireTool } from "./labelled.ts";

/** Whether an ADD could succeed: looks for what makes a tap, and asks the IPAM plugin. @throws CniError unavailable */
export function status(request: Request, host: Host): void {
  const config = parseTapConfig(request);
  statusWithIpam(request, host, () => refuseProblems(examine(request, config)));
}

function examine(request: Request, { selinuxContext }: TapConfig): readonly string[] {
  return [
    ...(hasTunDevice() ? [] : ['The host has no /dev/net/tun: load its module, "modprobe tun"']),
    ...(selinuxContext === undefined ? [] : refusalOf(() => requireTool(request))),
  ];
}
