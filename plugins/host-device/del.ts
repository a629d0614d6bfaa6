import type { Request } from "../../src/cni/request.ts";
import type { Host } from "../../src/steps/host.ts";
import { releaseAround } from "../../src/steps/ipam.ts";
import { runAll } from "../../src/steps/undo.ts";
import { giveBack } from "./give-back.ts";

/**
 * Gives the device back to the host with its name and state, and releases the lease. Works without the namespace, after the container has
 * renamed the device, without prevResult, with any configuration, and repeatedly. Runs every step, then throws all errors. A device that
 * cannot leave the container keeps its addresses.
 */
export function del(request: Request, host: Host): void {
  runAll(releaseAround(request, host, () => giveBack(request, host)));
}
