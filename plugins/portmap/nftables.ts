import { deleteChain, findChain } from "../../src/netfilter/nftables/chain.ts";
import { applyCurrent } from "../../src/netfilter/nftables/current.ts";
import { createElement, deleteElement, findElement } from "../../src/netfilter/nftables/element.ts";
import { listRules } from "../../src/netfilter/nftables/rule.ts";
import { type ChainRules, ensureRuleSet, missingOf, type RuleSet } from "../../src/netfilter/nftables/rule-set.ts";
import { goTo } from "../../src/netfilter/nftables/statement.ts";
import { checkTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { deleteOwnedElements, listOwnedElements, type OwnedElement } from "../../src/netfilter/owned-elements.ts";
import { type Attachment, type Selection, selectOwner } from "../../src/netfilter/owner.ts";
import type { NetlinkRequest as Request } from "../../src/netlink/answers.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { isSameContainer, refuseHeld } from "./holder.ts";
import { heldByOthers } from "./nftables-held.ts";
import { ATTACHMENTS, decodeRedirect, encodeAttachment, encodeRedirect, MAPS } from "./nftables-maps.ts";
import { chainKey, conditionalChains, portmapRules, UNMARKED, type Way, wayFor } from "./nftables-rules.ts";
import type { Plan } from "./plan.ts";
import { formatHostEnd, type Redirect, type Redirects } from "./redirect.ts";

/** Everything that belongs to attachments. */
const SETS = [...MAPS.flatMap(({ ways, targets }) => [ways, targets]), ATTACHMENTS];

/**
 * Maps the plan's ports, in one transaction and with what is missing of the table. What the attachment had mapped before goes; a port that
 * another one has is refused. Where there are conditions, nothing is redirected before addConditions has been called.
 * @param netlink a socket of NETLINK_NETFILTER @throws CniError portConflict, NetlinkError naming the object that the kernel refused
 */
export function addRedirects(netlink: Nfnetlink, plan: Plan): void {
  const { owner } = plan;
  const action = `map ports to ${owner.ifname} of container ${owner.containerId} with nftables`;
  applyCurrent(netlink, { action, refusals: [ERRNO.EEXIST] }, (refusal) => {
    // To look at each port first would cost a request for each: they are hardly ever taken.
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

/** Asks the kernel for what mappings need, where none has been made yet. Nothing is changed. @throws NetlinkError naming what it has not got */
export function probeRedirects(netlink: Nfnetlink, mark: number): void {
  const missing = missingOf(netlink, portmapRules([UNMARKED], [mark]));
  if (missing.length > 0)
    checkTransaction(netlink, missing, { action: "look whether ports can be mapped with nftables" });
}

/** Ends all mappings of the attachments selected, and returns them. Nothing there is success. @throws NetlinkError, or LinuxError EAGAIN */
export function deleteRedirects(netlink: Nfnetlink, selection: Selection): readonly Redirect[] {
  const action = `delete port mappings of ${selection.label}`;
  const also = (elements: readonly OwnedElement[]) => chainsWithout(netlink, elements, []);
  return redirectsIn(deleteOwnedElements(netlink, { action, sets: SETS, selection }, also));
}

/** The mappings of the attachments selected, as the kernel has them. @throws NetlinkError */
export function listRedirects(netlink: Nfnetlink, selection: Selection): readonly Redirect[] {
  const targets = MAPS.map((maps) => maps.targets);
  return redirectsIn(listOwnedElements(netlink, targets, selection));
}

/** The same of one attachment: one question where it has none. @throws as deleteRedirects */
export function deleteOwnRedirects(netlink: Nfnetlink, owner: Attachment): readonly Redirect[] {
  return isKnown(netlink, owner) ? deleteRedirects(netlink, selectOwner(owner)) : [];
}

/** The elements of a plan, without what stays when its container goes, and without the host's ends in `left`. */
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

/** The rule set that a plan needs, but for the chains of its own. */
export function rulesOf(plan: Plan): RuleSet {
  const marks = plan.masquerading === undefined ? [] : [plan.masquerading.mark];
  return portmapRules(
    plan.families.map((family) => wayOf(plan, family)),
    marks,
  );
}

/** The chains of an attachment's own: those with conditions, whose test the nft tool has yet to write. */
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

/** The host's ends that another attachment of the container's has: it keeps them. @throws CniError portConflict where it is another container's */
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

function wayOf({ masquerading }: Plan, { prefix }: Redirects): Way {
  return masquerading === undefined ? UNMARKED : wayFor(masquerading, prefix);
}

function firstChain(plan: Plan, family: Redirects): string {
  const isConditional = plan.config.conditions[family.family].length > 0;
  return isConditional ? conditionalChains(plan.owner, family.family).test : wayOf(plan, family).chain;
}

function isKnown(netlink: Nfnetlink, owner: Attachment): boolean {
  const { set, element } = encodeAttachment(owner);
  return findElement(netlink, set, element) !== undefined;
}

/** The changes that take out what an attachment has, but for what it needs again. */
function removals(netlink: Nfnetlink, owner: Attachment, rules: RuleSet): readonly Request[] {
  const own = listOwnedElements(netlink, SETS, selectOwner(owner));
  const kept = rules.chains.map(({ name }) => name);
  return [...own.map(({ set, element }) => deleteElement(set, element)), ...chainsWithout(netlink, own, kept)];
}

/** The changes that delete the chains which nothing goes to without these elements: their own first, then those of ways. */
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

/** Where the rules of a chain go. */
function chainsFrom(netlink: Nfnetlink, name: string): readonly string[] {
  return listRules(netlink, chainKey(name)).flatMap(({ expressions = [] }) =>
    expressions.flatMap((each) => (each.name === "immediate" ? (each.data.data?.verdict?.chain ?? []) : [])),
  );
}
