import { type Request, validAttachments } from "../../src/cni/request.ts";
import { selectStale } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { readZone } from "./config.ts";
import { forget } from "./forget.ts";

/**
 * Has the host's firewalls forget this network's attachments that the runtime does not name as valid. Without a list nothing is known to be
 * stale, with an empty one everything of this network is. What another network or somebody else made stays.
 */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  if (valid !== undefined)
    forget(request, host, { selection: selectStale(request.network, valid), zone: readZone(request) });
}
