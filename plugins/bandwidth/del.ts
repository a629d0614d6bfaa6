import type { Request } from "../../src/cni/request.ts";
import { listIngressFilters } from "../../src/netlink/filter/list.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { deleteQdisc } from "../../src/netlink/qdisc/delete.ts";
import { findQdisc } from "../../src/netlink/qdisc/get.ts";
import { HANDLE, TC_H } from "../../src/netlink/qdisc/header.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import type { Host } from "../../src/steps/host.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { findHostEnds } from "./host-end.ts";
import { findIfb } from "./ifb.ts";

/**
 * Removes the limits. Works without the namespace, without prevResult, after the configuration has changed, and repeatedly. Runs every
 * step, then throws all errors.
 */
export function del(request: Request, host: Host): void {
  const ifb = findIfb(host, request);
  runAll([
    // Before the IFB is deleted: a link that redirects to a deleted link drops everything it receives.
    () => endShaping(host, request, ifb),
    () => ifb && deleteLinkIfThere(host.netlink, ifb.name),
  ]);
}

/** Removes the qdiscs if the host's end still exists. Otherwise they ended with it. */
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
 * Removes the ingress qdisc if it redirects to this attachment's IFB; other ones belong to others. A redirect to a deleted IFB has target
 * 0 and drops everything, so it is removed too.
 */
function endRedirect(host: Host, port: Link, ifb: Link | undefined): void {
  const targets = listIngressFilters(host.netlink, port).map(({ redirect }) => redirect);
  if (!targets.includes(0) && (ifb === undefined || !targets.includes(ifb.index))) return;
  deleteQdisc(host.netlink, port, { handle: HANDLE.INGRESS, parent: TC_H.INGRESS });
}

/** Removes the limit of what the port sends, if it is one of these. */
export function endLimit(host: Host, port: Link): void {
  const qdisc = findQdisc(host.netlink, port, TC_H.ROOT);
  if (qdisc?.kind === "tbf" && qdisc.handle === HANDLE.TOKEN_BUCKET) deleteQdisc(host.netlink, port, qdisc);
}

/** The kernel's errors for a deleted link or qdisc. A container that ends now deletes both links. */
const GONE: readonly number[] = [ERRNO.ENODEV, ERRNO.ENOENT];
