import type { Request } from "../../src/cni/request.ts";
import { detach } from "../../src/steps/departure.ts";
import type { Host } from "../../src/steps/host.ts";

/**
 * Detaches a container: deletes its interface and its masquerade rules, and releases its lease. Works without the namespace, without
 * prevResult, after the configuration has changed, and repeatedly. Runs every step, then throws all errors.
 */
export function del(request: Request, host: Host): void {
  detach(request, host);
}
