import type { Request } from "../../src/cni/request.ts";
import { supportsKind } from "../../src/netlink/link/support.ts";
import type { Host } from "../../src/steps/host.ts";
import { statusWithIpam } from "../../src/steps/ipam.ts";
import { openMasqueradeBackend } from "../../src/steps/masquerade/masquerade.ts";
import { refusalOf, refuseProblems } from "../../src/steps/problems.ts";
import { parsePtpConfig } from "./config.ts";

/**
 * Whether an ADD could succeed: asks the kernel for veth pairs and the backend that masquerades, and the IPAM plugin.
 * @throws CniError unavailable with the problem and the remedy, or the IPAM plugin's error
 */
export function status(request: Request, host: Host): void {
  const { ipMasq, ipMasqBackend } = parsePtpConfig(request);
  statusWithIpam(request, host, () => {
    refuseProblems([
      ...(supportsKind(host.netlink, "veth") ? [] : [NO_VETH]),
      ...(ipMasq ? refusalOf(() => openMasqueradeBackend(host, request, ipMasqBackend)) : []),
    ]);
  });
}

const NO_VETH = 'The kernel has no links of kind "veth": load its module, "modprobe veth"';
