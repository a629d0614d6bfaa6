import { CniError } from "../../src/cni/error.ts";
import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { addRedirect } from "../../src/netlink/filter/add.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { addIngress, addTokenBucket } from "../../src/netlink/qdisc/add.ts";
import { deleteQdisc } from "../../src/netlink/qdisc/delete.ts";
import { HANDLE, TC_H } from "../../src/netlink/qdisc/header.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import type { Host } from "../../src/steps/host.ts";
import { reportLink } from "../../src/steps/reported.ts";
import { changeOwing, type Defer, undoOnError } from "../../src/steps/undo.ts";
import { parseBandwidthConfig } from "./config.ts";
import { getHostEnd } from "./host-end.ts";
import { createIfb } from "./ifb.ts";
import { type Limit, tokenBucketOf } from "./limit.ts";

/** What one ADD works with. */
export interface Shaping {
  readonly request: Request;
  readonly host: Host;
  /** The host's end of the container's veth. */
  readonly port: Link;
  readonly defer: Defer;
}

/**
 * Limits what a container receives and sends. On failure, every change of this call is undone. Without limits it only passes the result
 * on.
 */
export function add(request: Request, host: Host): Result {
  const { ingress, egress } = parseBandwidthConfig(request);
  const result = requirePrevResult(request, "must be called as chained plugin");
  if (ingress === undefined && egress === undefined) return result;
  return undoOnError(request.log, (defer) => {
    const port = getHostEnd(host, { request, result, failure: "invalidConfig" });
    const shaping = { request, host, port, defer };
    if (ingress !== undefined) limitIngress(shaping, ingress);
    if (egress === undefined) return result;
    const ifb = limitEgress(shaping, egress);
    return { ...result, interfaces: [...result.interfaces, reportLink(ifb)] };
  });
}

/** Limits what the host's end of the veth sends: that is what the container receives. */
export function limitIngress({ request, host, port, defer }: Shaping, limit: Limit): void {
  warn(request, port, { name: "ingressBurst", limit });
  const reversal = () => deleteIfThere(host, port, { handle: HANDLE.TOKEN_BUCKET, parent: TC_H.ROOT });
  explain({ field: "ingressRate", port }, () =>
    changeOwing(defer, reversal, () => addTokenBucket(host.netlink, port, tokenBucketOf(limit))),
  );
}

/** Limits what the container sends. The host's end receives it, but only sending can be delayed, so an IFB sends it on, with that MAC if given. */
export function limitEgress({ request, host, port, defer }: Shaping, limit: Limit, mac?: Mac): Link {
  warn(request, port, { name: "egressBurst", limit });
  return explain({ field: "egressRate", port }, () => {
    const reversal = () => deleteIfThere(host, port, { handle: HANDLE.INGRESS, parent: TC_H.INGRESS });
    changeOwing(defer, reversal, () => addIngress(host.netlink, port));
    const ifb = createIfb(host, { owner: request, mtu: port.mtu, mac }, defer);
    // Before the first packet arrives.
    addTokenBucket(host.netlink, ifb, tokenBucketOf(limit));
    addRedirect(host.netlink, port, ifb);
    return ifb;
  });
}

/** The kernel's errors for a missing qdisc. */
const NONE: readonly number[] = [ERRNO.ENOENT, ERRNO.EINVAL];

function deleteIfThere(host: Host, port: Link, which: { handle: number; parent: number }): void {
  ignoring(NONE, () => deleteQdisc(host.netlink, port, which));
}

/** Warns about a bucket smaller than the MTU: a packet longer than the bucket never passes. */
function warn({ log }: Request, { name: link, mtu }: Link, { name, limit }: { name: string; limit: Limit }): void {
  if (limit.burst >= mtu) return;
  log(`${name} is ${limit.burst} bytes, less than the ${mtu} of ${link}'s MTU: longer packets will be dropped`);
}

/** Adds advice to the kernel's refusal. */
function explain<T>({ field, port }: { field: string; port: Link }, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    if (error.errno === ERRNO.EEXIST) {
      const details = `somebody else controls its traffic: see "tc qdisc show dev ${port.name}"`;
      throw new CniError("kernelRequest", error.message, { details, cause: error });
    }
    if (error.errno !== ERRNO.ENOENT && error.errno !== ERRNO.EOPNOTSUPP) throw error;
    throw new CniError("unsupportedField", `Cannot use ${field}: ${error.message}`, {
      details: "the kernel needs ifb, sch_tbf, sch_ingress, cls_u32 and act_mirred",
      cause: error,
    });
  }
}
