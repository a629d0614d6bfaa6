import { deleteChain, findChain } from "../../netfilter/nftables/chain.ts";
import { listRules } from "../../netfilter/nftables/rule.ts";
import {
  addOwnedElements,
  deleteOwnedElements,
  listOwnedElements,
  type OwnedElement,
} from "../../netfilter/owned-elements.ts";
import { type Attachment, type Selection, selectOwner } from "../../netfilter/owner.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import {
  decodeMasqueraded,
  encodeMasqueraded,
  hasList,
  type Masqueraded,
  masqueradeRules,
  SOURCES,
  SUBNET_RULES,
  TABLE,
  type Wanted,
} from "./rules.ts";

const SETS = [SOURCES[4], SOURCES[6]] as const;

/**
 * Masquerades what comes from these addresses and leaves their subnets for anywhere but `keep`. Twice is once. An address that another attachment left behind becomes this one's.
 * @param netlink a socket of NETLINK_NETFILTER
 * @throws NetlinkError naming the object that the kernel refused
 */
export function addMasquerade(netlink: Nfnetlink, wanted: Wanted): void {
  const { prefixes, keep } = wanted;
  if (prefixes.length === 0) return;
  addOwnedElements(netlink, {
    action: "masquerade a container's addresses with nftables",
    elements: prefixes.map((prefix) => encodeMasqueraded(prefix, wanted)),
    rules: masqueradeRules(prefixes, keep),
  });
}

/**
 * Ends the masquerading of whatever addresses belong to the attachments selected, and takes away the chains of subnets that
 * nobody else has an address in. An address that has become another attachment's in the meantime stays. Nothing
 * there is success. @throws NetlinkError, or LinuxError EAGAIN when others have changed the rule set for 60 seconds
 */
export function deleteSelected(netlink: Nfnetlink, selection: Selection): void {
  const action = `delete masquerading of ${selection.label}`;
  deleteOwnedElements(netlink, { action, sets: SETS, selection }, (elements) => unusedChains(netlink, elements));
}

/** The addresses of an attachment that are masqueraded, of either family. @throws NetlinkError */
export function findMasquerade(netlink: Nfnetlink, owner: Attachment): readonly Masqueraded[] {
  return listOwnedElements(netlink, SETS, selectOwner(owner)).map(({ element }) => decodeMasqueraded(element));
}

/** The changes that delete the chains of subnets which nothing goes to without these elements. */
function unusedChains(netlink: Nfnetlink, elements: readonly OwnedElement[]): readonly NetlinkRequest[] {
  const goingTo = elements.map(({ element }) => element.data?.verdict?.chain ?? "");
  return [...new Set(goingTo)]
    .map((name) => ({ ...TABLE, name }))
    .filter((chain) => {
      const going = goingTo.filter((name) => name === chain.name).length;
      const rules = hasList(chain.name) ? listRules(netlink, chain).length : SUBNET_RULES;
      return (findChain(netlink, chain)?.use ?? 0) <= rules + going;
    })
    .map(deleteChain);
}
