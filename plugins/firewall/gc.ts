import { type Request, validAttachments } from "../../src/cni/request.ts";
import { currentAddresses } from "../../src/netfilter/outdated.ts";
import { selectStale } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { readZone } from "./config.ts";
import { forget } from "./forget.ts";

/**
 * Removes this network's stale attachments from the host's firewalls: those that the runtime's list of valid attachments does not name.
 * Without a list nothing is stale; with an empty list everything of this network is. Addresses that valid ones no longer have go too. State of other networks and other software stays.
 */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const { network } = request;
  const current = currentAddresses(network, valid);
  forget(request, host, { selection: selectStale(network, valid), zone: readZone(request), current });
}
