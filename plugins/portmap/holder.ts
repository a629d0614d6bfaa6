import { CniError } from "../../src/cni/error.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import { formatEndpoint, formatHostEnd, type Redirect } from "./redirect.ts";

/** An existing mapping, and its owner if the host's rules name it. */
export interface Held {
  readonly redirect: Redirect;
  readonly owner: Partial<Attachment> | undefined;
}

/**
 * The shortest prefix of a container ID, where a comment was cut, that is taken for the container. At this length, prefixes common to a
 * runtime's IDs no longer matter.
 */
const LEAST_ID = 32;

/**
 * Whether a mapping belongs to this container, by another interface or network. A runtime may pass one list of mappings for each of a
 * container's networks. The port leads to the container in any case.
 */
export function isSameContainer({ containerId }: Attachment, { owner }: Pick<Held, "owner">): boolean {
  const held = owner?.containerId ?? "";
  return held === containerId || (held.length >= LEAST_ID && containerId.startsWith(held));
}

/** The error for a port that is taken: its owner, and the remedy. */
export function refuseHeld(wanted: Redirect, { redirect, owner }: Held): never {
  const end = formatHostEnd(redirect);
  const what = `${end === formatHostEnd(wanted) ? "it" : end} is mapped to ${formatEndpoint(redirect.to, redirect.toPort)}`;
  throw new CniError("portConflict", `Cannot map ${formatHostEnd(wanted)}: ${what}, ${describeOwner(owner)}`, {
    details: `use another hostPort, or where that container is gone, run ${removalOf(owner)}, which removes what it left`,
  });
}

/** What removes the mapping. The rules of the reference plugin's nftables backend do not name the network. */
function removalOf(owner: Held["owner"] = {}): string {
  if (owner.network !== undefined) return `"cnictl gc ${owner.network}"`;
  return owner.containerId === undefined ? "GC of its network" : `"cnictl del" for it`;
}

function describeOwner(owner: Partial<Attachment> = {}): string {
  const { ifname, containerId, network } = owner;
  if (containerId === undefined) return "by rules that do not say whose they are";
  const link = ifname === undefined ? "" : `interface "${ifname}" of `;
  return `${link}container "${containerId}"${network === undefined ? "" : ` on network "${network}"`}`;
}
