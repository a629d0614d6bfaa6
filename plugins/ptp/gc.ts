import { type ContainerInterface, type Request, validAttachments } from "../../src/cni/request.ts";
import { selectStale } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { collectAround } from "../../src/steps/ipam.ts";
import { endStaleMasquerade } from "../../src/steps/masquerade/masquerade.ts";
import { deletePorts, listOwnPorts } from "../../src/steps/own-ports.ts";
import { awaitCommands, openRemains } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";

/**
 * Removes stale rules and interfaces of this network, and the stale leases through the IPAM plugin. An attachment is stale if the
 * runtime's list of valid attachments does not name it. Without a list nothing is stale; with an empty list everything of this network
 * is. State of other networks stays. Runs every step, then throws all errors.
 */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  runAll(collectAround(request, host, valid === undefined ? [] : removals(request, host, valid)));
}

function removals(request: Request, host: Host, valid: readonly ContainerInterface[]): readonly (() => void)[] {
  const stale = selectStale(request.network, valid);
  return [
    () => awaitCommands(request, stale),
    () => endStaleMasquerade(request, openRemains(host), valid),
    () => deletePorts(host, listOwnPorts(host, stale)),
  ];
}
