import { formatAddress, isSameAddress } from "../../ip/address.ts";
import { formatPrefix, network, type Prefix } from "../../ip/prefix.ts";
import { compareRuleSet } from "../../netfilter/nftables/compare.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { findMasquerade } from "./elements.ts";
import { type Masqueraded, masqueradeRules, subnetChain, type Wanted } from "./rules.ts";

/**
 * The differences between the kernel's rules and those that addMasquerade makes for the request, one sentence each. Empty if
 * there are none. @throws NetlinkError
 */
export function verifyMasquerade(netlink: Nfnetlink, { owner, prefixes, keep = [] }: Wanted): readonly string[] {
  const found = findMasquerade(netlink, owner);
  return [
    ...compareRuleSet(netlink, masqueradeRules(prefixes, keep)),
    ...prefixes.flatMap((prefix) => compareElement(prefix, { found, keep })),
  ];
}

function compareElement(
  prefix: Prefix,
  { found, keep }: { found: readonly Masqueraded[]; keep: readonly Prefix[] },
): readonly string[] {
  const address = formatAddress(prefix.address);
  const own = found.find((masqueraded) => isSameAddress(masqueraded.address, prefix.address));
  if (own === undefined) return [`Address ${address} is not masqueraded for this attachment`];
  const expected = formatPrefix(network(prefix));
  const actual = own.subnet === undefined ? "no subnet" : formatPrefix(own.subnet);
  if (actual !== expected) return [`Address ${address} must be masqueraded outside ${expected}, is outside ${actual}`];
  const { name } = subnetChain(prefix, keep);
  return own.chain === name ? [] : [`Address ${address} must be masqueraded by chain ${name}, is by ${own.chain}`];
}
