import { sha512 } from "#sha512";
import { COMMENT_MAX } from "./nftables/userdata.ts";

/** An attachment: one interface of a container on a network. */
export interface Owner {
  /** The network configuration's name. */
  readonly network: string;
  readonly ifname: string;
  readonly containerId: string;
}

/** Hexadecimal digits of a SHA-512 that stand for a network, and for an interface of a container. */
const HASH_LENGTH = 16;

/**
 * What begins the comment of everything that belongs to a network: half of the reference plugins' key of an attachment.
 */
export function networkKey(network: string): string {
  return `${hash(network)}-`;
}

/** What begins the comment of everything that belongs to an attachment; no other attachment's begins so. */
export function ownerKey({ network, ifname, containerId }: Owner): string {
  return networkKey(network) + hash(`${ifname}:${containerId}`);
}

/**
 * The comment of what belongs to an attachment, as the reference plugins write it: the key, then names for people,
 * without double quotes, for the nft tool has no escape, and cut to what that reads.
 */
export function ownerComment(owner: Owner): string {
  const { network, ifname, containerId } = owner;
  const names = `, net: ${network}, if: ${ifname}, id: ${containerId}`.replaceAll('"', "");
  return cut(ownerKey(owner) + names, COMMENT_MAX);
}

function hash(text: string): string {
  return sha512(text).slice(0, HASH_LENGTH);
}

/** The first bytes of a text's UTF-8, whole characters only. */
function cut(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
