import { CniError } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import { formatEndpoint, formatHostEnd, type Redirect } from "./redirect.ts";

/** A mapping that is there, and whose it is as far as the host's rules tell. */
export interface Held {
  readonly redirect: Redirect;
  readonly owner: Partial<Attachment> | undefined;
}

/** The shortest piece of a container's id that is taken for it where a comment was cut: what runtimes' ids all begin with differs by then. */
const LEAST_ID = 32;

/**
 * Whether it is the same container's, by another interface or network: a runtime may hand one list of mappings to each of a container's networks, and
 * the port leads to the container whichever of them has it.
 */
export function isSameContainer({ containerId }: Attachment, { owner }: Pick<Held, "owner">): boolean {
  const held = owner?.containerId ?? "";
  return held === containerId || (held.length >= LEAST_ID && containerId.startsWith(held));
}

/** The error for a port that is taken: who has it, and what to do. */
export function refuseHeld(wanted: Redirect, { redirect, owner }: Held): never {
  const end = formatHostEnd(redirect);
  const what = `${end === formatHostEnd(wanted) ? "it" : end} is mapped to ${formatEndpoint(redirect.to, redirect.toPort)}`;
  const gc = owner?.network === undefined ? "GC of its network" : `"cnictl gc ${owner.network}"`;
  throw new CniError("portConflict", `Cannot map ${formatHostEnd(wanted)}: ${what}, ${describeOwner(owner)}`, {
    details: `use another hostPort, or where that container is gone, run ${gc}, which removes what it left`,
  });
}

function describeOwner(owner: Partial<Attachment> = {}): string {
  const { ifname, containerId, network } = owner;
  if (containerId === undefined) return "by rules that do not say whose they are";
  const link = ifname === undefined ? "" : `interface "${ifname}" of `;
  return `${link}container "${containerId}" on network "${network}"`;
}
