import type { Request } from "../../src/cni/request.ts";
import { collect } from "../../src/steps/attachment.ts";
import type { Host } from "../../src/steps/host.ts";
import { runAll } from "../../src/steps/undo.ts";
import { removeUnusedVlans } from "./shared-vlan.ts";

/**
 * Has the IPAM plugin reclaim stale leases. The links themselves end with their containers; shared links in VLANs that no container uses
 * any more are deleted. @throws CniError
 */
export function gc(request: Request, host: Host): void {
  runAll([() => collect(request, host), () => removeUnusedVlans(host, host.netlink)]);
}
