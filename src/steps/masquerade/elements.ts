import { deleteChain, findChain } from "../../netfilter/nftables/chain.ts";
import { listRules } from "../../netfilter/nftables/rule.ts";
import { type CurrentAddresses, chooseOutdated } from "../../netfilter/outdated.ts";
import { addOwnedElements, deleteOwnedElements, type OwnedElement } from "../../netfilter/owned-elements.ts";
import { type Selection, selectNetwork } from "../../netfilter/owner.ts";
import type { NetlinkRequest } from "../../netlink/answers.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import {
  decodeMasqueraded,
  encodeMasqueraded,
  hasList,
  masqueradeRules,
  SOURCES,
  SUBNET_RULES,
  TABLE,
  type Wanted,
} from "./rules.ts";

const SETS = [SOURCES[4], SOURCES[6]] as const;

/**
 * Masquerades packets from these addresses that leave their subnets, except to `keep`. A second call changes nothing. An
 * address that another attachment left behind gets this owner. `netlink` is a socket of NETLINK_NETFILTER. @throws NetlinkError
 * naming the object that the kernel refused
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
 * Ends the masquerading of all addresses of the selected attachments, and deletes the chains of subnets that then have no
 * address. An address that another attachment has taken over since stays. Nothing to delete is success.
 * @throws NetlinkError, or LinuxError EAGAIN if others have changed the rule set for 60 seconds
 */
export function deleteSelected(netlink: Nfnetlink, selection: Selection): void {
  const action = `delete masquerading of ${selection.label}`;
  deleteOwnedElements(netlink, { action, sets: SETS, selection }, (elements) => unusedChains(netlink, elements));
}

/** Ends the masquerading of addresses that a network's attachments no longer have. @throws NetlinkError, or LinuxError EAGAIN */
export function deleteOutdated(netlink: Nfnetlink, network: string, current: CurrentAddresses): void {
  const action = `delete outdated masquerading of network ${network}`;
  const addressOf = ({ element }: OwnedElement) => decodeMasqueraded(element).address;
  const choose = (elements: readonly OwnedElement[]) => chooseOutdated(elements, current, addressOf);
  const deletion = { action, sets: SETS, selection: selectNetwork(network), choose };
  deleteOwnedElements(netlink, deletion, (elements) => unusedChains(netlink, elements));
}

/** The changes that delete the subnet chains that no element uses after these elements are deleted. */
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
