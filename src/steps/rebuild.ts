import { CniError, fullReasonOf } from "../cni/error.ts";
import type { Rebuilding } from "../cni/rebuilding.ts";
import type { Request } from "../cni/request.ts";
import { findLink, findOtherEnd } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import { openContainer } from "./container.ts";
import type { Host } from "./host.ts";
import { checkMasquerade, type Masquerading, masquerade, openMasqueradeBackend } from "./masquerade/masquerade.ts";
import type { Defer } from "./undo.ts";

/** One thing that can be rebuilt. */
export interface Rebuild {
  /** What it is, in a few words. */
  readonly what: string;
  /** Rebuilds what is missing. Returns whether anything was. */
  readonly run: () => boolean;
}

/** Runs every step, also after one that failed. */
export function rebuildAll(steps: readonly Rebuild[]): Rebuilding {
  const rebuilt: string[] = [];
  const failed: string[] = [];
  for (const { what, run } of steps) {
    try {
      if (run()) rebuilt.push(what);
    } catch (error) {
      failed.push(`${what}: ${fullReasonOf(error)}`);
    }
  }
  return { rebuilt, failed };
}

/** What a rebuilding step did stays when a later one fails. */
export const KEPT: Defer = () => {};

/** @throws CniError checkFailed: what is left of an attachment is not enough to rebuild the rest */
export function refuseRebuilding(reason: string): never {
  throw new CniError("checkFailed", `Cannot rebuild the attachment: ${reason}: start the container again`);
}

/** Both ends of an attachment's veth. @throws CniError checkFailed if one is missing */
export function findEnds(request: Request, host: Host): { readonly port: Link; readonly inside: Link } {
  const inside = findLink(openContainer(host, request.netns).netlink, request.ifname);
  const port = inside && findOtherEnd(host.netlink, inside);
  if (inside !== undefined && port !== undefined) return { port, inside };
  return refuseRebuilding(`the container has no "${request.ifname}" with an end on the host`);
}

/** Masquerades the attachment's addresses if any rule for that is missing. Returns whether one was. */
export function rebuildMasquerade(host: Host, wanted: Masquerading): boolean {
  const { request, asked, ips, keep } = wanted;
  if (ips.length === 0 || checkMasquerade(host, wanted).length === 0) return false;
  masquerade(host, { request, backend: openMasqueradeBackend(host, request, asked), ips, keep }, KEPT);
  return true;
}
