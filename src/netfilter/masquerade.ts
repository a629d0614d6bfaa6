import { decodeAddress, formatAddress } from "../ip/address.ts";
import type { Prefix } from "../ip/prefix.ts";
import { ERRNO } from "../linux/errno.ts";
import type { Request } from "../netlink/answers.ts";
import type { Netlink } from "../netlink/socket.ts";
import {
  decodeMasqueraded,
  encodeMasqueraded,
  type Masqueraded,
  masqueradeRules,
  SOURCES,
  SUBNET_RULES,
} from "./masquerade-rules.ts";
import { deleteChain, findChain } from "./nftables/chain.ts";
import { applyCurrent, tryChanges } from "./nftables/current.ts";
import {
  createElement,
  deleteElement,
  type Element,
  findElement,
  type Labelled,
  listElements,
} from "./nftables/element.ts";
import { type ChainRules, ensureRuleSet } from "./nftables/rule-set.ts";
import type { SetKey } from "./nftables/set.ts";
import { applyTransaction } from "./nftables/transaction.ts";
import { findComment } from "./nftables/userdata.ts";
import { isSelected, networkKey, type Owner, ownerComment, type Selection, selectOwner } from "./owner.ts";

/** How often an addition that came too late is tried: more often, and somebody takes and gives the address all the time. */
const ADD_ATTEMPTS = 5;

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

/** The same as deleteSelected for one attachment. */
export function deleteMasquerade(netlink: Netlink, owner: Owner): void {
  deleteSelected(netlink, selectOwner(owner));
}

/**
 * Ends the masquerading of whatever addresses belong to the attachments selected, and takes away the chains of subnets that
 * nobody else has an address in. An address that has become another attachment's in the meantime stays. Nothing
 * there is success. @throws NetlinkError, or LinuxError EAGAIN when others have changed the rule set for 30 seconds
 */
export function deleteSelected(netlink: Netlink, selection: Selection): void {
  const action = `delete masquerading of ${selection.label}`;
  let chains = true;
  applyCurrent(netlink, { action, refusals: [ERRNO.EBUSY] }, (refusal) => {
    // A rule that is not ours goes to one of the chains.
    if (refusal?.errno === ERRNO.EBUSY) chains = false;
    return [SOURCES[4], SOURCES[6]].flatMap((set) => removals(netlink, set, { selection, chains }));
  });
}

/** The addresses of an attachment that are masqueraded, of either family. @throws NetlinkError */
export function findMasquerade(netlink: Netlink, owner: Owner): readonly Masqueraded[] {
  return listMasqueraded(netlink, selectOwner(owner));
}

/** The masqueraded addresses of a network, or of all. @throws NetlinkError */
export function listMasquerade(netlink: Netlink, network?: string): readonly Masqueraded[] {
  const key = network === undefined ? "" : networkKey(network);
  return listMasqueraded(netlink, { label: "all", key, except: new Set() });
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

/** The changes that take elements out of a map, and the chains that then nothing goes to. */
function removals(netlink: Netlink, set: SetKey, from: { selection: Selection; chains: boolean }): readonly Request[] {
  const own = new Map(listSelected(netlink, set, from.selection).map((element) => [addressOf(element), element]));
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

function listMasqueraded(netlink: Netlink, selection: Selection): readonly Masqueraded[] {
  return [SOURCES[4], SOURCES[6]].flatMap((set) => listSelected(netlink, set, selection)).map(decodeMasqueraded);
}

function listSelected(netlink: Netlink, set: SetKey, selection: Selection): readonly Element[] {
  return listElements(netlink, set, selection.key).filter(
    (element) =>
      element.key?.value !== undefined && isSelected(selection, findComment("element", element.userdata) ?? ""),
  );
}

function addressOf({ key }: Element): string {
  return formatAddress(decodeAddress(key?.value ?? new Uint8Array()));
}
