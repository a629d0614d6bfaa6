import type { Request } from "../../src/cni/request.ts";
import { collect } from "../../src/steps/attachment.ts";
import type { Host } from "../../src/steps/host.ts";

/** Has the IPAM plugin reclaim stale leases. The links themselves end with their containers. @throws CniError */
export function gc(request: Request, host: Host): void {
  collect(request, host);
}
