import { decodeAddress, formatAddress } from "../ip/address.ts";
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
  SUBNET_RULES,
} from "./masquerade-rules.ts";
import { deleteChain, findChain } from "./nftables/chain.ts";
import {
  createElement,
  deleteElement,
  type Element,
  findElement,
  type Labelled,
  listElements,
} from "./nftables/element.ts";
import { getGeneration } from "./nftables/generation.ts";
import { type ChainRules, ensureRuleSet } from "./nftables/rule-set.ts";
import type { SetKey } from "./nftables/set.ts";
import { applyTransaction } from "./nftables/transaction.ts";
import { findComment } from "./nftables/userdata.ts";

/** How often an addition that came too late is tried: more often, and somebody takes and gives the address all the time. */
const ADD_ATTEMPTS = 5;

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
  const elements = prefixes.map((prefix) => ({ set: sourcesOf(prefix), element: encodeMasqueraded(prefix, comment) }));
  for (let attempt = 1; ; attempt++) {
    const changes = [
      ...missingRules(netlink, prefixes),
      ...(attempt === 1 ? [] : staleElements(netlink, elements)),
      ...elements.map(({ set, element }) => createElement(set, element)),
    ];
    const action = "masquerade a container's addresses with nftables";
    const refusal = tryChanges(() => applyTransaction(netlink, changes, { action }), [ERRNO.ENOENT, ERRNO.EEXIST]);
    if (refusal === undefined) return;
    // A chain went with its last address, or the address is there already.
    if (attempt === ADD_ATTEMPTS) throw refusal;
  }
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

/** The changes that make what the addresses need: none as a rule, for the subnet's first container has made it all. */
function missingRules(netlink: Netlink, prefixes: readonly Prefix[]): readonly Request[] {
  const { table, sets, chains } = masqueradeRules(prefixes);
  const place = { family: table.family, table: table.name };
  const isFilled = ({ name }: ChainRules) => (findChain(netlink, { ...place, name })?.use ?? 0) > 0;
  const missing = chains.filter((chain) => !isFilled(chain));
  if (missing.length === 0) return [];
  // A base chain with rules has the maps, for it looks them up.
  return ensureRuleSet({ table, sets: missing.some(({ base }) => base !== undefined) ? sets : [], chains: missing });
}

/** The changes that take out what is there under the same addresses: somebody else's, in another subnet, or the same. */
function staleElements(netlink: Netlink, elements: readonly { set: SetKey; element: Labelled }[]): readonly Request[] {
  return elements
    .filter(({ set, element }) => findElement(netlink, set, element) !== undefined)
    .map(({ set, element }) => deleteElement(set, element));
}

function sourcesOf({ address }: Prefix): SetKey {
  return SOURCES[address.family];
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
  const own = new Map(listOwn(netlink, set, from.key).map((element) => [addressOf(element), element]));
  const verdicts = [...own.values()].map(({ data }) => data?.verdict?.chain ?? "");
  const isUnused = (name: string) => {
    const uses = findChain(netlink, { ...set, name })?.use ?? 0;
    return uses <= SUBNET_RULES + verdicts.filter((chain) => chain === name).length;
  };
  return [
    ...[...own].map(([label, element]) => deleteElement(set, { ...element, label })),
    ...(from.chains ? [...new Set(verdicts)].filter(isUnused).map((name) => deleteChain({ ...set, name })) : []),
  ];
}

function listByKey(netlink: Netlink, key: string): readonly Masqueraded[] {
  return [SOURCES[4], SOURCES[6]].flatMap((set) => listOwn(netlink, set, key)).map(decodeMasqueraded);
}

/** The elements of a map whose comment begins with the key. */
function listOwn(netlink: Netlink, set: SetKey, key: string): readonly Element[] {
  return listElements(netlink, set, key).filter(
    (element) => element.key?.value !== undefined && (findComment("element", element.userdata) ?? "").startsWith(key),
  );
}

function addressOf({ key }: Element): string {
  return formatAddress(decodeAddress(key?.value ?? new Uint8Array()));
}

function refuseChurn(action: string, cause: NetlinkError): LinuxError {
  const reason = `the rule set was changed by others all through ${DELETE_MS / 1000} seconds`;
  return new LinuxError(action, { syscall: "netlink", errno: ERRNO.EAGAIN, reason, cause });
}
