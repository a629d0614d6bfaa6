import { formatAddress } from "../ip/address.ts";
import type { Prefix } from "../ip/prefix.ts";
import { ERRNO, LinuxError } from "../linux/errno.ts";
import { NetlinkError } from "../netlink/acknowledgement.ts";
import type { Request } from "../netlink/answers.ts";
import type { Netlink } from "../netlink/socket.ts";
import { networkKey, type Owner, ownerComment, ownerKey } from "./masquerade-owner.ts";
import {
  decodeMasqueraded,
  encodeMasqueraded,
  type Masqueraded,
  masqueradeRules,
  SOURCES,
  subnetChain,
} from "./masquerade-rules.ts";
import { deleteChain, findChain } from "./nftables/chain.ts";
import {
  createElement,
  decodeElement,
  deleteElement,
  type Element,
  findElement,
  listElements,
} from "./nftables/element.ts";
import { getGeneration } from "./nftables/generation.ts";
import { ensureRuleSet } from "./nftables/rule-set.ts";
import type { SetKey } from "./nftables/set.ts";
import { applyTransaction } from "./nftables/transaction.ts";

/** How often an address is looked up and replaced, before somebody must be taking and giving it all the time. */
const REPLACE_ATTEMPTS = 5;

/** How long a deletion goes on beginning anew because others change the rule set. */
const DELETE_MS = 10_000;

/**
 * Masquerades what comes from these addresses and leaves their subnets: each prefix is a container's address with its
 * subnet's length. Twice is once. An address that another attachment left behind becomes this one's.
 * @param netlink a socket of NETLINK_NETFILTER
 * @throws NetlinkError naming the object that the kernel refused
 */
export function addMasquerade(netlink: Netlink, request: { owner: Owner; prefixes: readonly Prefix[] }): void {
  const { prefixes } = request;
  if (prefixes.length === 0) return;
  const comment = ownerComment(request.owner);
  const hasChains = prefixes.every((prefix) => findChain(netlink, subnetChain(prefix)) !== undefined);
  if (hasChains && applyUnlessStale(netlink, createElements(prefixes, comment))) return;
  for (let attempt = 1; attempt < REPLACE_ATTEMPTS; attempt++) {
    if (applyUnlessStale(netlink, replaceElements(netlink, { prefixes, comment }))) return;
  }
  apply(netlink, replaceElements(netlink, { prefixes, comment }));
}

/**
 * Ends the masquerading of whatever addresses belong to an attachment, and takes away the chains of subnets that
 * nobody else has an address in. An address that has become another attachment's in the meantime stays. Nothing
 * there is success. @throws NetlinkError, or LinuxError EAGAIN when others have changed the rule set for 10 seconds
 */
export function deleteMasquerade(netlink: Netlink, owner: Owner): void {
  const action = `delete masquerading of ${owner.ifname} of container ${owner.containerId}`;
  const deadline = performance.now() + DELETE_MS;
  let chains = true;
  for (;;) {
    const generation = getGeneration(netlink);
    const changes = [SOURCES[4], SOURCES[6]].flatMap((set) => removals(netlink, set, { key: ownerKey(owner), chains }));
    if (changes.length === 0) return;
    const refusal = tryChanges(
      () => applyTransaction(netlink, changes, { action, generation }),
      [ERRNO.ERESTART, ERRNO.EBUSY],
    );
    if (refusal === undefined) return;
    // A rule that is not ours goes to one of the chains.
    if (refusal.errno === ERRNO.EBUSY) chains = false;
    if (performance.now() > deadline) throw refuseChurn(action, refusal);
  }
}

/** The addresses of an attachment that are masqueraded, of either family. @throws NetlinkError */
export function findMasquerade(netlink: Netlink, owner: Owner): readonly Masqueraded[] {
  return listByKey(netlink, ownerKey(owner));
}

/** The masqueraded addresses of a network, or of all. @throws NetlinkError */
export function listMasquerade(netlink: Netlink, network?: string): readonly Masqueraded[] {
  return listByKey(netlink, network === undefined ? "" : networkKey(network));
}

function createElements(prefixes: readonly Prefix[], comment: string): readonly Request[] {
  return prefixes.map((prefix) => createElement(sourcesOf(prefix), encodeMasqueraded(prefix, comment)));
}

/** Everything anew, but for the elements of other addresses. */
function replaceElements(
  netlink: Netlink,
  { prefixes, comment }: { prefixes: readonly Prefix[]; comment: string },
): readonly Request[] {
  const stale = prefixes
    .map((prefix) => ({ set: sourcesOf(prefix), element: encodeMasqueraded(prefix, comment) }))
    .filter(({ set, element }) => findElement(netlink, set, element) !== undefined);
  return [
    ...ensureRuleSet(masqueradeRules(prefixes)),
    ...stale.map(({ set, element }) => deleteElement(set, element)),
    ...createElements(prefixes, comment),
  ];
}

function sourcesOf({ address }: Prefix): SetKey {
  return SOURCES[address.family];
}

/** Whether the changes were made; not where something that they need is gone, or something that they make is there. */
function applyUnlessStale(netlink: Netlink, changes: readonly Request[]): boolean {
  return tryChanges(() => apply(netlink, changes), [ERRNO.ENOENT, ERRNO.EEXIST]) === undefined;
}

function apply(netlink: Netlink, changes: readonly Request[]): void {
  applyTransaction(netlink, changes, { action: "masquerade a container's addresses with nftables" });
}

/** Makes changes; returns the kernel's refusal where it is one of these, undefined when they are made. */
function tryChanges(change: () => void, refusals: readonly number[]): NetlinkError | undefined {
  try {
    change();
    return undefined;
  } catch (error) {
    if (error instanceof NetlinkError && refusals.includes(error.errno)) return error;
    throw error;
  }
}

/** The changes that take an owner's elements out of a map, and the chains that then nothing goes to. */
function removals(netlink: Netlink, set: SetKey, from: { key: string; chains: boolean }): readonly Request[] {
  const elements = listElements(netlink, set);
  const own = ownElements(elements, from.key);
  const others = elements.filter((bytes) => !own.has(bytes));
  const chains = new Set([...own.values()].map(({ data }) => data?.verdict?.chain ?? ""));
  const unused = [...chains].filter((chain) => !others.some((bytes) => holds(bytes, `${chain}\0`)));
  const byAddress = new Map(
    [...own.values()].map((element) => [formatAddress(decodeMasqueraded(element).address), element]),
  );
  return [
    ...[...byAddress].map(([label, element]) => deleteElement(set, { ...element, label })),
    ...(from.chains ? unused : []).map((name) => deleteChain({ ...set, name })),
  ];
}

function listByKey(netlink: Netlink, key: string): readonly Masqueraded[] {
  return [SOURCES[4], SOURCES[6]]
    .flatMap((set) => [...ownElements(listElements(netlink, set), key).values()])
    .map(decodeMasqueraded);
}

/** Those of the encoded elements whose comment begins with the key, decoded. */
function ownElements(elements: readonly Uint8Array[], key: string): ReadonlyMap<Uint8Array, Element> {
  const candidates = elements.filter((bytes) => holds(bytes, key));
  return new Map(
    candidates
      .map((bytes) => [bytes, decodeElement(bytes)] as const)
      .filter(([, element]) => element.key !== undefined && decodeMasqueraded(element).comment.startsWith(key)),
  );
}

/** Whether an encoded element holds a text: asked of all elements, so without decoding them. */
function holds(element: Uint8Array, text: string): boolean {
  return Buffer.from(element.buffer, element.byteOffset, element.length).includes(text);
}

function refuseChurn(action: string, cause: NetlinkError): LinuxError {
  const reason = `the rule set was changed by others all through ${DELETE_MS / 1000} seconds`;
  return new LinuxError(action, { syscall: "netlink", errno: ERRNO.EAGAIN, reason, cause });
}
