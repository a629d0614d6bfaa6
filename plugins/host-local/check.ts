import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { parseHostLocal } from "./config.ts";
import { holdsLease } from "./lease-store.ts";

/** Succeeds if the attachment has a lease. */
export function check(request: Request): void {
  const { folder } = parseHostLocal(request);
  if (holdsLease({ folder, attachment: request, log: request.log })) return;
  throw new CniError("checkFailed", `host-local: Failed to find address added by container ${request.containerId}`, {
    details: `no file in "${folder}" names it with interface ${request.ifname}`,
  });
}
