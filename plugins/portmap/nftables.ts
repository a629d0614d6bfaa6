import type { Address } from "../../src/ip/address.ts";
import { deleteChain, findChain } from "../../src/netfilter/nftables/chain.ts";
import { applyCurrent } from "../../src/netfilter/nftables/current.ts";
import { createElement, deleteElement, findElement } from "../../src/netfilter/nftables/element.ts";
import { listRules } from "../../src/netfilter/nftables/rule.ts";
import { type ChainRules, ensureRuleSet, missingOf, type RuleSet } from "../../src/netfilter/nftables/rule-set.ts";
import type { SetSpec } from "../../src/netfilter/nftables/set.ts";
import { goTo } from "../../src/netfilter/nftables/statement.ts";
import { checkTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { type CurrentAddresses, chooseOutdated } from "../../src/netfilter/outdated.ts";
import { deleteOwnedElements, listOwnedElements, type OwnedElement } from "../../src/netfilter/owned-elements.ts";
import { type Attachment, type Selection, selectNetwork, selectOwner } from "../../src/netfilter/owner.ts";
import type { NetlinkRequest as Request } from "../../src/netlink/answers.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { isSameContainer, refuseHeld } from "./holder.ts";
import { heldByOthers } from "./nftables-held.ts";
import { ATTACHMENTS, decodeRedirect, encodeAttachment, encodeRedirect, MAPS } from "./nftables-maps.ts";
import { chainKey, conditionalChains, portmapRules, UNMARKED, type Way, wayFor } from "./nftables-rules.ts";
import type { Plan } from "./plan.ts";
import { formatHostEnd, type Redirect, type Redirects } from "./redirect.ts";

/** All sets and maps whose elements belong to attachments. */
const SETS = [...MAPS.flatMap(({ ways, targets }) => [ways, targets]), ATTACHMENTS];

/**
 * Maps the plan's ports and creates what the table lacks, in one transaction. Deletes the attachment's earlier mappings. Refuses a port
 * that another attachment has. With conditions, nothing is redirected until addConditions is called.
 * @param netlink a socket of NETLINK_NETFILTER
 * @throws CniError portConflict, NetlinkError naming the object that the kernel refused
 */
export function addRedirects(netlink: Nfnetlink, plan: Plan): void {
  const { owner } = plan;
  const action = `map ports to ${owner.ifname} of container ${owner.containerId} with nftables`;
  applyCurrent(netlink, { action, refusals: [ERRNO.EEXIST] }, (refusal) => {
    // Checking every port first would cost a request each. They are rarely taken.
    const isTaken = refusal?.errno === ERRNO.EEXIST;
    const elements = elementsOf(plan, leftToOthers(netlink, plan, isTaken));
    const rules = rulesOf(plan);
    const chains = conditionalOf(plan);
    return [
      ...(isTaken || isKnown(netlink, owner) ? removals(netlink, owner, rules) : []),
      ...missingOf(netlink, rules),
      ...(chains.length === 0 ? [] : ensureRuleSet({ table: rules.table, sets: [], chains })),
      ...elements.map(({ set, element }) => createElement(set, element)),
    ];
  });
}

/**
 * Checks that the kernel supports what mappings need, if none has been made yet. Changes nothing.
 * @throws NetlinkError naming what is not supported
 */
export function probeRedirects(netlink: Nfnetlink, mark: number): void {
  const missing = missingOf(netlink, portmapRules([UNMARKED], [mark]));
  if (missing.length > 0)
    checkTransaction(netlink, missing, { action: "look whether ports can be mapped with nftables" });
}

/**
 * Deletes and returns all mappings of the selected attachments. Nothing to delete is success.
 * @throws NetlinkError, or LinuxError EAGAIN
 */
export function deleteRedirects(netlink: Nfnetlink, selection: Selection): readonly Redirect[] {
  const action = `delete port mappings of ${selection.label}`;
  const also = (elements: readonly OwnedElement[]) => chainsWithout(netlink, elements, []);
  return redirectsIn(deleteOwnedElements(netlink, { action, sets: SETS, selection }, also));
}

/** Deletes and returns the mappings to addresses that a network's attachments no longer have. @throws NetlinkError, or LinuxError EAGAIN */
export function deleteOutdatedRedirects(
  netlink: Nfnetlink,
  network: string,
  current: CurrentAddresses,
): readonly Redirect[] {
  const action = `delete outdated port mappings of network ${network}`;
  const choose = (elements: readonly OwnedElement[]) => chooseOutdated(elements, current, targetIn(elements));
  const deletion = { action, sets: SETS, selection: selectNetwork(network), choose };
  return redirectsIn(deleteOwnedElements(netlink, deletion, (elements) => chainsWithout(netlink, elements, [])));
}

/** The selected attachments' mappings in the kernel. @throws NetlinkError */
export function listRedirects(netlink: Nfnetlink, selection: Selection): readonly Redirect[] {
  const targets = MAPS.map((maps) => maps.targets);
  return redirectsIn(listOwnedElements(netlink, targets, selection));
}

/** Deletes and returns all mappings of one attachment. If it has none, this is one request. @throws NetlinkError, or LinuxError EAGAIN */
export function deleteOwnRedirects(netlink: Nfnetlink, owner: Attachment): readonly Redirect[] {
  return isKnown(netlink, owner) ? deleteRedirects(netlink, selectOwner(owner)) : [];
}

/** The elements of a plan, without the host's ends in `left` and without shared ones, which stay when the container is deleted. */
export function elementsOf(plan: Plan, left: ReadonlySet<string> = new Set()): readonly OwnedElement[] {
  const { owner } = plan;
  const elements = plan.families.flatMap((family) => {
    const chain = firstChain(plan, family);
    return family.redirects
      .filter((redirect) => !left.has(formatHostEnd(redirect)))
      .flatMap((redirect) => Object.values(encodeRedirect(redirect, { chain, owner })));
  });
  return [...elements, encodeAttachment(owner)];
}

/** The rule set that a plan needs, without the attachment's own chains. */
export function rulesOf(plan: Plan): RuleSet {
  const marks = plan.masquerading === undefined ? [] : [plan.masquerading.mark];
  return portmapRules(
    plan.families.map((family) => wayOf(plan, family)),
    marks,
  );
}

/** The attachment's own chains: those for conditions. The nft tool fills in the test later. */
export function conditionalOf(plan: Plan): readonly ChainRules[] {
  return plan.families
    .filter(({ family }) => plan.config.conditions[family].length > 0)
    .flatMap((family) => {
      const { test, passed } = conditionalChains(plan.owner, family.family);
      const { chain } = wayOf(plan, family);
      return [
        { name: test, rules: () => [] },
        { name: passed, rules: () => [{ label: `goto ${chain}`, expressions: [goTo(chain)] }] },
      ];
    });
}

/**
 * The host's ends that another attachment of this container has, and keeps.
 * @throws CniError portConflict if another container has one
 */
function leftToOthers(netlink: Nfnetlink, { owner, families }: Plan, isTaken: boolean): ReadonlySet<string> {
  const left = new Set<string>();
  const findHeld = heldByOthers(netlink, { owner, isTaken });
  for (const redirect of families.flatMap(({ redirects }) => redirects)) {
    for (const held of findHeld(redirect)) {
      if (!isSameContainer(owner, held)) refuseHeld(redirect, held);
      left.add(formatHostEnd(held.redirect));
    }
  }
  return left;
}

function redirectsIn(elements: readonly OwnedElement[]): readonly Redirect[] {
  return MAPS.flatMap((maps) =>
    elements.filter(({ set }) => set === maps.targets).map(({ element }) => decodeRedirect(maps, element)),
  );
}

/** The container's address of each element that belongs to a mapping: a way has the key of its target. */
function targetIn(elements: readonly OwnedElement[]): (element: OwnedElement) => Address | undefined {
  const nameOf = (set: SetSpec, { element }: OwnedElement) => `${set.name} ${element.label}`;
  const targets = new Map<string, Address>();
  for (const maps of MAPS)
    for (const each of elements.filter(({ set }) => set === maps.targets)) {
      const { to } = decodeRedirect(maps, each.element);
      targets.set(nameOf(maps.ways, each), to).set(nameOf(maps.targets, each), to);
    }
  return (each) => targets.get(nameOf(each.set, each));
}

function wayOf({ masquerading }: Plan, { subnets }: Redirects): Way {
  return masquerading === undefined ? UNMARKED : wayFor(masquerading, subnets);
}

function firstChain(plan: Plan, family: Redirects): string {
  const isConditional = plan.config.conditions[family.family].length > 0;
  return isConditional ? conditionalChains(plan.owner, family.family).test : wayOf(plan, family).chain;
}

function isKnown(netlink: Nfnetlink, owner: Attachment): boolean {
  const { set, element } = encodeAttachment(owner);
  return findElement(netlink, set, element) !== undefined;
}

/** The changes that delete an attachment's elements and chains, except the chains that it needs again. */
function removals(netlink: Nfnetlink, owner: Attachment, rules: RuleSet): readonly Request[] {
  const own = listOwnedElements(netlink, SETS, selectOwner(owner));
  const kept = rules.chains.map(({ name }) => name);
  return [...own.map(({ set, element }) => deleteElement(set, element)), ...chainsWithout(netlink, own, kept)];
}

/** The changes that delete chains without references from other elements: the attachment's own first, then those of ways. */
function chainsWithout(
  netlink: Nfnetlink,
  elements: readonly OwnedElement[],
  kept: readonly string[],
): readonly Request[] {
  const targets = elements.flatMap(({ element }) => element.data?.verdict?.chain ?? []);
  const own = [...new Set(targets)].filter((name) => /^if[46]_/.test(name));
  const conditional = own.flatMap((name) => [name, name.replace("if", "passed")]);
  const going = [...targets, ...conditional.flatMap((name) => chainsFrom(netlink, name))];
  const ways = [...new Set(going)].filter((name) => name.startsWith("from_") && !kept.includes(name));
  const isUnused = (name: string) => {
    const rules = listRules(netlink, chainKey(name)).length;
    return (findChain(netlink, chainKey(name))?.use ?? 0) <= rules + going.filter((each) => each === name).length;
  };
  const there = conditional.filter((name) => findChain(netlink, chainKey(name)) !== undefined);
  return [...there, ...ways.filter(isUnused)].map((name) => deleteChain(chainKey(name)));
}

/** The targets of a chain's rules. */
function chainsFrom(netlink: Nfnetlink, name: string): readonly string[] {
  return listRules(netlink, chainKey(name)).flatMap(({ expressions = [] }) =>
    expressions.flatMap((each) => (each.name === "immediate" ? (each.data.data?.verdict?.chain ?? []) : [])),
  );
}
