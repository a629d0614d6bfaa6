import { formatAddress } from "../../ip/address.ts";
import { formatPrefix, network, type Prefix } from "../../ip/prefix.ts";
import { compareRuleSet } from "../../netfilter/nftables/compare.ts";
import { findElement } from "../../netfilter/nftables/element.ts";
import { isSelected, type Selection, selectOwner } from "../../netfilter/owner.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { decodeMasqueraded, encodeMasqueraded, masqueradeRules, type Wanted } from "./rules.ts";

/**
 * The differences between the kernel's rules and those that addMasquerade makes for the request, one sentence each. Empty if
 * there are none. @throws NetlinkError
 */
export function verifyMasquerade(netlink: Nfnetlink, wanted: Wanted): readonly string[] {
  const { owner, prefixes, keep } = wanted;
  const selection = selectOwner(owner);
  return [
    ...compareRuleSet(netlink, masqueradeRules(prefixes, keep)),
    ...prefixes.flatMap((prefix) => compareElement(netlink, prefix, { wanted, selection })),
  ];
}

/** By the address and not by the owner: the kernel finds it at once, where the elements of thousands of containers would be listed. */
function compareElement(
  netlink: Nfnetlink,
  prefix: Prefix,
  { wanted, selection }: { wanted: Wanted; selection: Selection },
): readonly string[] {
  const address = formatAddress(prefix.address);
  const { set, element } = encodeMasqueraded(prefix, wanted);
  const found = findElement(netlink, set, element);
  const actual = found && decodeMasqueraded(found);
  if (actual === undefined || !isSelected(selection, actual.comment))
    return [`Address ${address} is not masqueraded for this attachment`];
  const expected = formatPrefix(network(prefix));
  const subnet = actual.subnet === undefined ? "no subnet" : formatPrefix(actual.subnet);
  if (subnet !== expected) return [`Address ${address} must be masqueraded outside ${expected}, is outside ${subnet}`];
  const name = element.data?.verdict?.chain;
  return actual.chain === name
    ? []
    : [`Address ${address} must be masqueraded by chain ${name}, is by ${actual.chain}`];
}
