import { findPrevResult, type Request } from "../../src/cni/request.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { readZone } from "./config.ts";
import { forget } from "./forget.ts";
import { uniqueAddresses } from "./subject.ts";

/**
 * Has the host's firewalls forget an attachment, also what the reference plugins told them. Works without prevResult, after a
 * configuration that has changed since ADD, and again and again.
 */
export function del(request: Request, host: Host): void {
  forget(request, host, {
    selection: selectOwner(request),
    zone: readZone(request),
    reported: () => uniqueAddresses(findPrevResult(request)),
  });
}
