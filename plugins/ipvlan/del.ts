import type { Request } from "../../src/cni/request.ts";
import { detach } from "../../src/steps/attachment.ts";
import type { Host } from "../../src/steps/host.ts";

/**
 * Deletes the container's ipvlan and releases its lease. Works without the namespace, without the master, without prevResult, with any
 * configuration, and repeatedly.
 */
export function del(request: Request, host: Host): void {
  detach(request, host, "ipvlan");
}
