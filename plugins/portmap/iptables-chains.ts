import { sha512 } from "#digest";
import type { JumpSelection } from "../../src/netfilter/iptables/jump.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";

/** The reference plugins' chain with the jumps to all containers' chains, and the prefix of the jumps' comments. */
export const SHARED_CHAIN = "CNI-HOSTPORT-DNAT";
export const ENTRY_COMMENT = "dnat name: ";

/** The longest comment that the kernel stores. <linux/netfilter/xt_comment.h> */
const LONGEST_COMMENT = 255;

/**
 * The chain of an attachment, named like the reference plugins' chains. Those leave out the interface, so two interfaces of a container
 * share a chain.
 */
export function chainName({ network, ifname, containerId }: Attachment): string {
  // Names of networks and containers contain no colon.
  return format(`${network}:${ifname}:${containerId}`);
}

/** The reference plugins' chain for a container on a network. */
export function referenceChainName({ network, containerId }: Omit<Attachment, "ifname">): string {
  return format(network + containerId);
}

/**
 * Selects an attachment's jumps, including those of a reference plugin's ADD, which cover all of the container's interfaces on the
 * network.
 */
export function selectOwnChains(owner: Attachment): JumpSelection {
  const own = [chainName(owner), referenceChainName(owner)];
  const label = `${owner.ifname} of container ${owner.containerId}`;
  return { label, from: SHARED_CHAIN, texts: own, chains: own, selects: ({ chain }) => own.includes(chain) };
}

/**
 * Selects the jumps of a network's attachments except these. The reference plugins' chain of a container is selected with its last
 * interface.
 */
export function selectStaleChains(name: string, valid: readonly Omit<Attachment, "network">[]): JumpSelection {
  const owners = valid.map((each) => ({ ...each, network: name }));
  const keep = new Set([...owners.map(chainName), ...owners.map(referenceChainName)]);
  const comment = networkComment(name);
  return {
    label: `network ${name}'s stale attachments`,
    from: SHARED_CHAIN,
    texts: [comment],
    chains: undefined,
    selects: (jump) => jump.comment.startsWith(comment) && isChainName(jump.chain) && !keep.has(jump.chain),
  };
}

/** Selects the jumps to this project's chains of these attachments. */
export function selectOwnChainsOf(owners: readonly Attachment[], network: string): JumpSelection {
  const chains = owners.map(chainName);
  return {
    label: `network ${network}'s outdated addresses`,
    from: SHARED_CHAIN,
    texts: chains,
    chains,
    selects: ({ chain }) => chains.includes(chain),
  };
}

/** The comment of an attachment's jumps. */
export function entryComment({ network, containerId }: Attachment): string {
  const comment = `${networkComment(network)}${JSON.stringify(containerId)}`;
  return comment.length <= LONGEST_COMMENT ? comment : `${comment.slice(0, LONGEST_COMMENT - 3)}...`;
}

/** The owner of a jump by its comment, which does not name the interface. If the comment was cut, the ID is what is left of it. */
export function parseEntryComment(comment: string): Omit<Attachment, "ifname"> | undefined {
  const [, network, containerId] = /^dnat name: "([^"]*)" id: "([^"]*?)(?:"|(?:\.\.\.)?$)/.exec(comment) ?? [];
  return network === undefined || containerId === undefined ? undefined : { network, containerId };
}

/** The prefix of the comments of this network's jumps. It matches no other network's. */
function networkComment(name: string): string {
  return `${ENTRY_COMMENT}${JSON.stringify(name)} id: `;
}

function isChainName(name: string): boolean {
  return /^CNI-DN-[0-9a-f]{21}$/.test(name);
}

function format(key: string): string {
  return `CNI-DN-${sha512(key).slice(0, 21)}`;
}
