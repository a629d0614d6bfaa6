import type { Request } from "../../src/cni/request.ts";
import { selectOwner } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { awaitCommands } from "../../src/steps/remains.ts";
import { runAll } from "../../src/steps/undo.ts";
import { endPorts } from "./ports.ts";

/**
 * Deletes the mappings of an attachment. Works without portMappings, without prevResult, without the namespace, after the configuration
 * has changed, and repeatedly. Runs every step, then throws all errors.
 */
export function del(request: Request, host: Host): void {
  runAll([() => awaitCommands(request, selectOwner(request)), () => endPorts(request, host)]);
}
