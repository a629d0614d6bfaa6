import { type Request, validAttachments } from "../../src/cni/request.ts";
import { selectStale } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { awaitCommands } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { endStalePorts } from "./stale-ports.ts";

/**
 * Deletes the mappings of this network's stale attachments: those that the runtime's list of valid attachments does not name. Without a
 * list nothing is stale; with an empty list everything of this network is. Mappings of other networks, or without an owner, stay.
 */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  runAll([
    () => awaitCommands(request, selectStale(request.network, valid)),
    () => endStalePorts(request, host, valid),
  ]);
}
