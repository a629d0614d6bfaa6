import { sha512 } from "#digest";

/** One interface of a container on a network: the owner of links, rules and leases. */
export interface Attachment {
  /** The network configuration's name. */
  readonly network: string;
  readonly ifname: string;
  readonly containerId: string;
}

/** The longest comment in bytes, without its NUL, that the nft tool reads: NFTNL_UDATA_COMMENT_MAXLEN of libnftnl. */
export const COMMENT_MAX = 128;

/** The number of hexadecimal SHA-512 digits for a network, and for an interface of a container. */
const HASH_LENGTH = 16;

/** The prefix of the comments of everything that a network owns: the first half of the reference plugins' key of an attachment. */
export function networkKey(network: string): string {
  return `${hash(network)}-`;
}

/** The prefix of the comments of everything that an attachment owns. Other attachments have other prefixes. */
export function ownerKey({ network, ifname, containerId }: Attachment): string {
  return networkKey(network) + hash(`${ifname}:${containerId}`);
}

/** The ownerKey in a comment. */
export function ownerKeyOf(comment: string): string {
  return comment.slice(0, 2 * HASH_LENGTH + 1);
}

/** The digits of each half of a key that keyNumbers reads. */
const NUMBER_LENGTH = 4;

/** A networkKey or an ownerKey as 16-bit numbers, one for each half, where space is limited. Different keys may have equal numbers. */
export function keyNumbers(key: string): { readonly network: number; readonly attachment: number | undefined } {
  const read = (from: number) => Number.parseInt(key.slice(from, from + NUMBER_LENGTH), 16) || 0;
  return { network: read(0), attachment: key.length > HASH_LENGTH + 1 ? read(HASH_LENGTH + 1) : undefined };
}

/** A selection of objects that attachments own, by their comments. */
export interface Selection {
  /** The owner, in words. */
  readonly label: string;
  /** The prefix of their comments: a networkKey or an ownerKey. */
  readonly key: string;
  /** The ownerKeys of attachments that are not selected. */
  readonly except: ReadonlySet<string>;
}

/** Selects what one attachment owns. */
export function selectOwner(owner: Attachment): Selection {
  const label = `${owner.ifname} of container ${owner.containerId}`;
  return { label, key: ownerKey(owner), except: new Set() };
}

/** Selects what a network's attachments own, except the valid ones. */
export function selectStale(network: string, valid: readonly Omit<Attachment, "network">[]): Selection {
  const label = `network ${network}'s stale attachments`;
  return { label, key: networkKey(network), except: new Set(valid.map((each) => ownerKey({ ...each, network }))) };
}

/** Selects what all of a network's attachments own. */
export function selectNetwork(network: string): Selection {
  return { label: `network ${network}`, key: networkKey(network), except: new Set() };
}

/** Whether the comment is that of a selected object. */
export function isSelected({ key, except }: Selection, comment: string): boolean {
  return comment.startsWith(key) && !except.has(ownerKeyOf(comment));
}

/** Whether a comment has the format of an owner's comment, even if it is cut. */
export function isOwnerComment(comment: string): boolean {
  return /^[0-9a-f]{16}-[0-9a-f]{16}, net: /.test(comment);
}

/**
 * The comment of everything that an attachment owns, in the format of the reference plugins: the key, then names for people. It has no
 * double quotes, because the nft tool cannot escape them, and it is cut to the longest comment that the tool reads.
 */
export function ownerComment(owner: Attachment): string {
  const { network, ifname, containerId } = owner;
  const names = `, net: ${network}, if: ${ifname}, id: ${containerId}`.replaceAll('"', "");
  return cut(ownerKey(owner) + names, COMMENT_MAX);
}

/**
 * Reads the owner from its comment. Of a comment that was cut, the container's ID is what is left of it. Undefined if nothing is left
 * of it, and for another format.
 */
export function parseOwnerComment(comment: string): Attachment | undefined {
  const found = /^[0-9a-f]{16}-[0-9a-f]{16}, net: (.*), if: (.*), id: (.*)$/.exec(comment);
  if (found === null) return undefined;
  const [, network = "", ifname = "", containerId = ""] = found;
  return { network, ifname, containerId };
}

function hash(text: string): string {
  return sha512(text).slice(0, HASH_LENGTH);
}

/** The first bytes of a text in UTF-8, without splitting a character. */
function cut(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
