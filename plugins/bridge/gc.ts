import { type ContainerInterface, type Request, validAttachments } from "../../src/cni/request.ts";
import { selectStale } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { collectAround } from "../../src/steps/ipam.ts";
import { endStaleMasquerade } from "../../src/steps/masquerade/masquerade.ts";
import { deletePorts, listOwnPorts } from "../../src/steps/own-ports.ts";
import { awaitCommands, openRemains, type Remains } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { removeEmptyBridges } from "./removal.ts";
import { endStaleSpoofChecks } from "./spoof/guard.ts";

/**
 * Removes stale rules and interfaces of this network, and the stale leases through the IPAM plugin. An attachment is stale if the
 * runtime's list of valid attachments does not name it. Without a list nothing is stale; with an empty list everything of this network
 * is. State of other networks stays, also on the same bridge, and so does state of other software. Runs every step, then throws all
 * errors.
 */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  runAll(collectAround(request, host, valid === undefined ? [] : removals(request, host, valid)));
}

function removals(request: Request, host: Host, valid: readonly ContainerInterface[]): readonly (() => void)[] {
  let remains: Remains | undefined;
  return [
    () => awaitCommands(request, selectStale(request.network, valid)),
    () => {
      remains = openRemains(host);
      endStaleMasquerade(request, remains, valid);
    },
    () => deleteStalePorts(request, host, { valid, remains }),
  ];
}

function deleteStalePorts(
  request: Request,
  host: Host,
  { valid, remains }: { valid: readonly ContainerInterface[]; remains: Remains | undefined },
): void {
  const ports = listOwnPorts(host, selectStale(request.network, valid));
  runAll([
    () => {
      deletePorts(host, ports);
      // The checks of a port stay as long as the port exists.
      if (remains !== undefined) endStaleSpoofChecks(host, request, { ...remains, valid });
    },
    () => removeEmptyBridges(request, host, ports),
  ]);
}
