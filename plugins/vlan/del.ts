import type { Request } from "../../src/cni/request.ts";
import { detach } from "../../src/steps/attachment.ts";
import { findContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { runAll } from "../../src/steps/undo.ts";
import { isShared } from "./config.ts";
import { removeUnusedVlans } from "./shared-vlan.ts";

/**
 * Deletes the container's link in the VLAN and releases its lease. With `shared`, the link below goes with its last macvlan. Works without
 * the namespace, without the master, without prevResult, with any configuration, and repeatedly.
 */
export function del(request: Request, host: Host): void {
  runAll([() => detach(request, host, "vlan", "macvlan"), ...(isShared(request) ? removals(request, host) : [])]);
}

/** With `linkInContainer` the link below is in the container. The first socket there may still wait for the deletion of the interface. */
function removals(request: Request, host: Host): readonly (() => void)[] {
  return [
    () => removeUnusedVlans(host, host.netlink),
    () => {
      const container = findContainer(host, request.netns);
      if (container !== undefined) removeUnusedVlans(host, container.netlink);
    },
  ];
}
