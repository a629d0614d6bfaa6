import { sha512 } from "#digest";
import type { Attachment } from "../owner.ts";

/** Bytes of a comment that the kernel keeps, including the NUL. <linux/netfilter/xt_comment.h> */
const XT_MAX_COMMENT_LEN = 256;

/**
 * The chain name of an attachment, in the format of the reference plugins. Their names leave out the interface: two interfaces of a
 * container share a chain, and deleting the first interface deletes the chain of both.
 */
export function chainName({ network, ifname, containerId }: Attachment): string {
  // Names of networks and containers have no colon.
  return format(`${network}:${ifname}:${containerId}`);
}

/** The reference plugins' chain of a container on a network. */
export function referenceChainName({ network, containerId }: Omit<Attachment, "ifname">): string {
  return format(network + containerId);
}

/** Whether a chain's name has the format of the reference plugins. */
export function isChainName(name: string): boolean {
  return /^CNI-[0-9a-f]{24}$/.test(name);
}

/** The comment of every rule of an attachment, in the format of the reference plugins. */
export function ruleComment({ network, containerId }: Omit<Attachment, "ifname">): string {
  return `${networkComment(network)}${JSON.stringify(containerId)}`.slice(0, XT_MAX_COMMENT_LEN - 1);
}

/** The prefix of the comments of all attachments' rules. */
export const RULE_COMMENT = "name: ";

/** The owner in the comment of a rule, which does not name the interface; undefined for another comment. */
export function parseRuleComment(comment: string): Omit<Attachment, "ifname"> | undefined {
  const [, network = "", containerId] = /^name: "([^"]*)" id: "([^"]*)/.exec(comment) ?? [];
  return containerId === undefined ? undefined : { network, containerId };
}

/** The prefix of the comments of a network's rules. Rules of other networks do not have it. */
export function networkComment(network: string): string {
  return `${RULE_COMMENT}${JSON.stringify(network)} id: `;
}

function format(key: string): string {
  return `CNI-${sha512(key).slice(0, 24)}`;
}
