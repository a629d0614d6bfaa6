import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Address } from "../../src/ip/address.ts";
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
    reported: () => reportedAddresses(request),
  });
}

/** What ADD was told, where the runtime hands it over in order. */
function reportedAddresses(request: Request): readonly Address[] {
  try {
    return request.prevResult === undefined ? [] : uniqueAddresses(request.prevResult);
  } catch (error) {
    if (error instanceof CniError) return [];
    throw error;
  }
}
