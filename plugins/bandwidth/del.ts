import type { Request } from "../../src/cni/request.ts";
import { ignoring } from "../../src/linux/ignoring.ts";
import { listIngressFilters } from "../../src/netlink/filter/list.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { deleteQdisc } from "../../src/netlink/qdisc/delete.ts";
import { findQdisc } from "../../src/netlink/qdisc/get.ts";
import { HANDLE, TC_H } from "../../src/netlink/qdisc/header.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Host } from "../../src/steps/host.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { findHostEnds } from "./host-end.ts";
import { findIfb } from "./ifb.ts";

/**
 * Ends the limits. Works without the namespace, without prevResult, whatever the configuration says by now, and again and
 * again. Runs every step, then throws all that failed.
 */
export function del(request: Request, host: Host): void {
  const ifb = findIfb(host, request);
  runAll([
    // Before the IFB goes: a link that redirects to one that is gone drops all it receives.
    () => endShaping(host, request, ifb),
    () => ifb && deleteLinkIfThere(host.netlink, ifb.name),
  ]);
}

/** Where the host's end is still there: with its link go its disciplines. */
function endShaping(host: Host, request: Request, ifb: Link | undefined): void {
  const ports = findHostEnds(host, request);
  runAll(
    ports.flatMap((port) => [
      () => ignoring(GONE, () => endRedirect(host, port, ifb)),
      () => ignoring(GONE, () => endLimit(host, port)),
    ]),
  );
}

/**
 * An ingress qdisc that sends nothing to this attachment's IFB is somebody else's. One whose IFB went before it says 0, and
 * drops all that comes.
 */
function endRedirect(host: Host, port: Link, ifb: Link | undefined): void {
  const targets = listIngressFilters(host.netlink, port).map(({ redirect }) => redirect);
  if (!targets.includes(0) && (ifb === undefined || !targets.includes(ifb.index))) return;
  deleteQdisc(host.netlink, port, { handle: HANDLE.INGRESS, parent: TC_H.INGRESS });
}

function endLimit(host: Host, port: Link): void {
  const qdisc = findQdisc(host.netlink, port, TC_H.ROOT);
  if (qdisc?.kind === "tbf" && qdisc.handle === HANDLE.TOKEN_BUCKET) deleteQdisc(host.netlink, port, qdisc);
}

/** What the kernel says of a link, or of a discipline, that no longer exists: a container that ends at this moment takes both links with it. */
const GONE: readonly number[] = [ERRNO.ENODEV, ERRNO.ENOENT];
