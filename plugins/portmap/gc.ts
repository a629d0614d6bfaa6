import { type Request, validAttachments } from "../../src/cni/request.ts";
import { selectStale } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { awaitCommands } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { endStalePorts } from "./ports.ts";

/**
 * Ends the mappings of this network's attachments that the runtime does not name as valid. Without a list nothing is known to be stale, with an
 * empty one everything of this network is. What another network or nobody has stays.
 */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  runAll([
    () => awaitCommands(request, selectStale(request.network, valid)),
    () => endStalePorts(request, host, valid),
  ]);
}
