import { sha512 } from "#digest";
import type { JumpSelection } from "../../src/netfilter/iptables/jump.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";

/** The reference plugins' chain that has the jumps to those of all containers, and what begins the jumps' comments. */
export const SHARED_CHAIN = "CNI-HOSTPORT-DNAT";
export const ENTRY_COMMENT = "dnat name: ";

/** The longest comment that the kernel keeps. <linux/netfilter/xt_comment.h> */
const LONGEST_COMMENT = 255;

/**
 * The chain of an attachment, in the form of the reference plugins' names. Those leave the interface out, so that two interfaces
 * of one container share a chain.
 */
export function chainName({ network, ifname, containerId }: Attachment): string {
  // No name of a network or a container has a colon.
  return format(`${network}:${ifname}:${containerId}`);
}

/** The reference plugins' chain of a container on a network. */
export function referenceChainName({ network, containerId }: Omit<Attachment, "ifname">): string {
  return format(network + containerId);
}

/** What an attachment has, also what a reference plugin's ADD made: that is all of the container's interfaces on the network. */
export function selectOwnChains(owner: Attachment): JumpSelection {
  const own = [chainName(owner), referenceChainName(owner)];
  const label = `${owner.ifname} of container ${owner.containerId}`;
  return { label, from: SHARED_CHAIN, texts: own, chains: own, selects: ({ chain }) => own.includes(chain) };
}

/** What any attachment of a network has but these; the reference plugins' chain of a container goes with its last interface. */
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

/** The comment of an attachment's jumps. */
export function entryComment({ network, containerId }: Attachment): string {
  const comment = `${networkComment(network)}${JSON.stringify(containerId)}`;
  return comment.length <= LONGEST_COMMENT ? comment : `${comment.slice(0, LONGEST_COMMENT - 3)}...`;
}

/** Whose a jump is by its comment; the interface it does not say. */
export function parseEntryComment(comment: string): Omit<Attachment, "ifname"> | undefined {
  const [, network, containerId] = /^dnat name: "([^"]*)" id: "([^"]*)/.exec(comment) ?? [];
  return network === undefined || containerId === undefined ? undefined : { network, containerId };
}

/** What begins the comments of a network's jumps, and of no other's. */
function networkComment(name: string): string {
  return `${ENTRY_COMMENT}${JSON.stringify(name)} id: `;
}

function isChainName(name: string): boolean {
  return /^CNI-DN-[0-9a-f]{21}$/.test(name);
}

function format(key: string): string {
  return `CNI-DN-${sha512(key).slice(0, 21)}`;
}
