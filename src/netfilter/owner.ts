import { sha512 } from "#digest";

/** One interface of a container on a network: the owner of links, rules and leases. */
export interface Attachment {
  /** The network configuration's name. */
  readonly network: string;
  readonly ifname: string;
  readonly containerId: string;
}

/** Bytes of a comment that the nft tool reads back, its NUL apart: NFTNL_UDATA_COMMENT_MAXLEN of libnftnl. */
export const COMMENT_MAX = 128;

/** Hexadecimal digits of a SHA-512 that stand for a network, and for an interface of a container. */
const HASH_LENGTH = 16;

/**
 * What begins the comment of everything that belongs to a network: half of the reference plugins' key of an attachment.
 */
export function networkKey(network: string): string {
  return `${hash(network)}-`;
}

/** What begins the comment of everything that belongs to an attachment; no other attachment's begins so. */
export function ownerKey({ network, ifname, containerId }: Attachment): string {
  return networkKey(network) + hash(`${ifname}:${containerId}`);
}

/** Digits of either half of a key that keyNumbers reads. */
const NUMBER_LENGTH = 4;

/** A networkKey or an ownerKey as numbers of 16 bits, one for each half: for where there is room for no more. Others may have the same. */
export function keyNumbers(key: string): { readonly network: number; readonly attachment: number | undefined } {
  const read = (from: number) => Number.parseInt(key.slice(from, from + NUMBER_LENGTH), 16) || 0;
  return { network: read(0), attachment: key.length > HASH_LENGTH + 1 ? read(HASH_LENGTH + 1) : undefined };
}

/** Things that belong to attachments, by their comments. */
export interface Selection {
  /** Whose they are, in words. */
  readonly label: string;
  /** What their comments begin with: a networkKey or an ownerKey. */
  readonly key: string;
  /** The ownerKeys of those that are not meant. */
  readonly except: ReadonlySet<string>;
}

/** What belongs to one attachment. */
export function selectOwner(owner: Attachment): Selection {
  const label = `${owner.ifname} of container ${owner.containerId}`;
  return { label, key: ownerKey(owner), except: new Set() };
}

/** What belongs to any attachment of a network but these. */
export function selectStale(network: string, valid: readonly Omit<Attachment, "network">[]): Selection {
  const label = `network ${network}'s stale attachments`;
  return { label, key: networkKey(network), except: new Set(valid.map((each) => ownerKey({ ...each, network }))) };
}

/** Whether a comment is that of something selected. */
export function isSelected({ key, except }: Selection, comment: string): boolean {
  return comment.startsWith(key) && !except.has(comment.slice(0, 2 * HASH_LENGTH + 1));
}

/** Whether a comment says of something whose it is, cut or not. */
export function isOwnerComment(comment: string): boolean {
  return /^[0-9a-f]{16}-[0-9a-f]{16}, net: /.test(comment);
}

/**
 * The comment of what belongs to an attachment, as the reference plugins write it: the key, then names for people,
 * without double quotes, for the nft tool has no escape, and cut to what that reads.
 */
export function ownerComment(owner: Attachment): string {
  const { network, ifname, containerId } = owner;
  const names = `, net: ${network}, if: ${ifname}, id: ${containerId}`.replaceAll('"', "");
  return cut(ownerKey(owner) + names, COMMENT_MAX);
}

/** The mirror image, as far as the comment was not cut; undefined for a comment of another form. */
export function parseOwnerComment(comment: string): Attachment | undefined {
  const [, network, ifname, containerId] =
    /^[0-9a-f]{16}-[0-9a-f]{16}, net: (.*), if: (.*), id: (.*)$/.exec(comment) ?? [];
  if (network === undefined || ifname === undefined || containerId === undefined) return undefined;
  return { network, ifname, containerId };
}

function hash(text: string): string {
  return sha512(text).slice(0, HASH_LENGTH);
}

/** The first bytes of a text's UTF-8, whole characters only. */
function cut(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
