import { sha512 } from "#digest";
import type { Attachment } from "../owner.ts";

/** Bytes of a comment that the kernel keeps, its NUL among them. <linux/netfilter/xt_comment.h> */
const XT_MAX_COMMENT_LEN = 256;

/**
 * The chain of an attachment, in the form of the reference plugins' names. Those leave the interface out, so that two interfaces
 * of one container share a chain, and the end of the first is the end of both.
 */
export function chainName({ network, ifname, containerId }: Attachment): string {
  // No name of a network or a container has a colon.
  return format(`${network}:${ifname}:${containerId}`);
}

/** The reference plugins' chain of a container on a network. */
export function referenceChainName({ network, containerId }: Omit<Attachment, "ifname">): string {
  return format(network + containerId);
}

/** Whether a chain's name has the form of these. */
export function isChainName(name: string): boolean {
  return /^CNI-[0-9a-f]{24}$/.test(name);
}

/** The comment of every rule of an attachment, as the reference plugins write it. */
export function ruleComment({ network, containerId }: Omit<Attachment, "ifname">): string {
  return `${networkComment(network)}${JSON.stringify(containerId)}`.slice(0, XT_MAX_COMMENT_LEN - 1);
}

/** What begins the comments of a network's rules, and of no other's. */
export function networkComment(network: string): string {
  return `name: ${JSON.stringify(network)} id: `;
}

function format(key: string): string {
  return `CNI-${sha512(key).slice(0, 24)}`;
}
