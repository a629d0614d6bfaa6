import type { Request } from "../../src/cni/request.ts";
import { detach } from "../../src/steps/departure.ts";
import type { Host } from "../../src/steps/host.ts";
import { removeEmptyBridges } from "./removal.ts";
import { endSpoofCheck } from "./spoof/guard.ts";

/**
 * Detaches a container: deletes its interface, its masquerade rules and its spoof checks, and releases its lease. Works without the
 * namespace, without prevResult, after the configuration has changed, and repeatedly. Runs every step, then throws all errors.
 */
export function del(request: Request, host: Host): void {
  detach(request, host, {
    last: (gone, remains) => [
      // The checks of a port stay as long as the port exists.
      () => gone && remains && endSpoofCheck(request, remains),
      () => removeEmptyBridges(request, host, gone),
    ],
  });
}
