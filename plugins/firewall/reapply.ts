import { CniError, ERROR_CODES } from "../../src/cni/error.ts";
import type { Rebuilding } from "../../src/cni/rebuilding.ts";
import type { Request } from "../../src/cni/request.ts";
import { succeeds } from "../../src/platform/outcome.ts";
import type { Host } from "../../src/steps/host.ts";
import { KEPT, rebuildAll } from "../../src/steps/rebuild.ts";
import { letThrough } from "./add.ts";
import { check } from "./check.ts";

/** Rebuilds what is missing of the rules that let an attachment through, and of its ingress policy, in every firewall. */
export function reapply(request: Request, host: Host): Rebuilding {
  const run = () => {
    if (isWhole(request, host)) return false;
    letThrough(request, host, KEPT);
    return true;
  };
  return rebuildAll([{ what: "firewall rules", run }]);
}

function isWhole(request: Request, host: Host): boolean {
  const isDifference = (error: unknown) => error instanceof CniError && error.code === ERROR_CODES.checkFailed;
  return succeeds(isDifference, () => check(request, host));
}
