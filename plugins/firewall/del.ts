import { findPrevResult, type Request } from "../../src/cni/request.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { readZone } from "./config.ts";
import { forget } from "./forget.ts";
import { uniqueAddresses } from "./subject.ts";

/**
 * Removes an attachment from the host's firewalls, including rules of the reference plugins. Works without prevResult, after the
 * configuration has changed, and repeatedly.
 */
export function del(request: Request, host: Host): void {
  forget(request, host, {
    selection: selectOwner(request),
    zone: readZone(request),
    reported: () => uniqueAddresses(findPrevResult(request)),
  });
}
