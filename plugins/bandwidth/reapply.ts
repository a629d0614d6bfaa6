import type { Rebuilding } from "../../src/cni/rebuilding.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import { listIngressFilters } from "../../src/netlink/filter/list.ts";
import { deleteQdisc } from "../../src/netlink/qdisc/delete.ts";
import { HANDLE, TC_H } from "../../src/netlink/qdisc/header.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import type { Host } from "../../src/steps/host.ts";
import { KEPT, rebuildAll } from "../../src/steps/rebuild.ts";
import { findReported } from "../../src/steps/reported.ts";
import { limitEgress, limitIngress, type Shaping } from "./add.ts";
import { checkEgress } from "./check.ts";
import { parseBandwidthConfig } from "./config.ts";
import { endLimit } from "./del.ts";
import { getHostEnd } from "./host-end.ts";
import { findIfb, ifbNames } from "./ifb.ts";
import { checkLimit } from "./limit.ts";

/** Rebuilds limits that are missing or differ. The container's connections go on; while an IFB is replaced, some packets are lost. */
export function reapply(request: Request, host: Host): Rebuilding {
  const { ingress, egress } = parseBandwidthConfig(request);
  if (ingress === undefined && egress === undefined) return { rebuilt: [], failed: [] };
  const result = requirePrevResult(request, "must be called as a chained plugin");
  const port = getHostEnd(host, { request, result, failure: "checkFailed" });
  const shaping = { request, host, port, defer: KEPT };
  return rebuildAll([
    {
      what: "ingress limit",
      run: () => {
        if (ingress === undefined || checkLimit(host, { link: port, limit: ingress, what: "ingress" }).length === 0)
          return false;
        endLimit(host, port);
        limitIngress(shaping, ingress);
        return true;
      },
    },
    {
      what: "egress limit",
      run: () => {
        if (egress === undefined || checkEgress({ request, result, host, port }, egress).length === 0) return false;
        endOwnRedirect(shaping);
        const reported = ifbNames(request).flatMap((name) => findReported(result, name) ?? [])[0];
        limitEgress(shaping, egress, reported?.mac);
        return true;
      },
    },
  ]);
}

/** The kernel's errors for a missing qdisc. */
const NONE: readonly number[] = [ERRNO.ENOENT, ERRNO.EINVAL];

/**
 * Removes the port's ingress qdisc if it redirects to this attachment's IFB, to a link that was deleted (0), or has no filter. Another one
 * is somebody else's.
 */
function endOwnRedirect({ request, host, port }: Shaping): void {
  ignoring(NONE, () => {
    const ifb = findIfb(host, request);
    const filters = listIngressFilters(host.netlink, port);
    const isOurs = filters.some(({ redirect }) => redirect === 0 || (ifb !== undefined && redirect === ifb.index));
    if (filters.length > 0 && !isOurs) return;
    deleteQdisc(host.netlink, port, { handle: HANDLE.INGRESS, parent: TC_H.INGRESS });
  });
}
