import type { Request } from "../../src/cni/request.ts";
import { isSelected, selectOwner } from "../../src/netfilter/owner.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { findContainer } from "../../src/steps/container.ts";
import type { Host } from "../../src/steps/host.ts";
import { getLoopback } from "./loopback.ts";

/**
 * Sets down the `lo` that this attachment's ADD brought up, if its alias names the attachment: the namespace path may lead to another
 * container by now. A `lo` without an alias was up before, or comes from a Go plugin, and is left to end with its namespace.
 */
export function del(request: Request, host: Host): void {
  const container = findContainer(host, request.netns);
  if (container === undefined) return;
  const lo = getLoopback(container.netlink);
  if (isSelected(selectOwner(request), lo.alias)) setLink(container.netlink, lo, { up: false, alias: "" });
}
