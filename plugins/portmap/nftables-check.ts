import { compareRuleSet } from "../../src/netfilter/nftables/compare.ts";
import { type Element, findElement } from "../../src/netfilter/nftables/element.ts";
import { findComment } from "../../src/netfilter/nftables/userdata.ts";
import type { OwnedElement } from "../../src/netfilter/owned-elements.ts";
import { isSelected, parseOwnerComment, selectOwner } from "../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { isSameBytes } from "../../src/platform/bytes.ts";
import { isSameContainer } from "./holder.ts";
import { conditionalOf, elementsOf, listRedirects, rulesOf } from "./nftables.ts";
import { compareConditions } from "./nftables-conditions.ts";
import { conditionalChains } from "./nftables-rules.ts";
import type { Plan } from "./plan.ts";
import { formatEndpoint, formatHostEnd, type Redirect } from "./redirect.ts";

/** The differences between the kernel's state and what addRedirects sets up for a plan, one sentence each. @throws NetlinkError */
export function verifyRedirects(netlink: Nfnetlink, plan: Plan): readonly string[] {
  const rules = rulesOf(plan);
  const passed = plan.families.map(({ family }) => conditionalChains(plan.owner, family).passed);
  const chains = [...rules.chains, ...conditionalOf(plan).filter(({ name }) => passed.includes(name))];
  return [
    ...compareRuleSet(netlink, { ...rules, chains }),
    ...plan.families
      .filter(({ family }) => plan.config.conditions[family].length > 0)
      .flatMap(({ family }) => compareConditions(netlink, plan.owner, family)),
    ...compareElements(netlink, plan),
    ...compareSurplus(netlink, plan),
  ];
}

function compareElements(netlink: Nfnetlink, plan: Plan): readonly string[] {
  return elementsOf(plan).flatMap(({ set, element }) => {
    const what = `Element ${element.label} of nftables set ${set.name} of table ${set.table}`;
    const found = findElement(netlink, set, element);
    if (found === undefined) return [`${what} is missing`];
    const comment = findComment("element", found.userdata) ?? "";
    if (!isSelected(selectOwner(plan.owner), comment)) {
      const isContainers = isSameContainer(plan.owner, { owner: parseOwnerComment(comment) });
      return isContainers ? [] : [`${what} belongs to another attachment`];
    }
    return isSameData({ set, element }, found) ? [] : [`${what} leads elsewhere than this attachment's does`];
  });
}

function isSameData({ element }: OwnedElement, found: Element): boolean {
  const [wanted, there] = [element.data, found.data];
  if (wanted?.verdict !== undefined) return wanted.verdict.chain === there?.verdict?.chain;
  return isSameBytes(wanted?.value ?? new Uint8Array(), there?.value ?? new Uint8Array());
}

/** Mappings of the attachment that the configuration does not contain. */
function compareSurplus(netlink: Nfnetlink, plan: Plan): readonly string[] {
  const wanted = new Set(plan.families.flatMap(({ redirects }) => redirects).map(formatHostEnd));
  const surplus = (redirect: Redirect) => !wanted.has(formatHostEnd(redirect));
  return listRedirects(netlink, selectOwner(plan.owner))
    .filter(surplus)
    .map((redirect) => {
      return `${formatHostEnd(redirect)} is mapped to ${formatEndpoint(redirect.to, redirect.toPort)}, expected no mapping`;
    });
}
