import { ADDRESS_BITS, type Family, formatAddress } from "../../ip/address.ts";
import { formatPrefix, network } from "../../ip/prefix.ts";
import { deleteJumps, type Iptables } from "../../netfilter/iptables/delete-jumps.ts";
import { selectOwnChain } from "../../netfilter/iptables/jump.ts";
import { chainName, referenceChainName, ruleComment } from "../../netfilter/iptables/name.ts";
import { formatInput } from "../../netfilter/iptables/text.ts";
import { findRestore, listTable, startRestore, waitForAll } from "../../netfilter/iptables/tool.ts";
import type { Wanted } from "./rules.ts";

/** Addresses of many: a packet to them keeps its source, as the reference plugins have it. */
const MULTICAST = { 4: "224.0.0.0/4", 6: "ff00::/8" } as const;

const FAMILIES = [4, 6] as const;

/**
 * Masquerades what comes from these addresses and leaves their subnets, as the reference plugins do it: by a chain of the
 * attachment's own and a jump to it for each address, with one command for each family. Twice is once. @throws IptablesError
 */
export function addIptablesMasquerade(iptables: Iptables, wanted: Wanted): void {
  const { owner, prefixes } = wanted;
  const families = FAMILIES.filter((family) => prefixes.some(({ address }) => address.family === family));
  for (const family of families) findRestore(family, iptables.place.environment);
  for (const family of families) deleteJumps(iptables, family, selectOwnChain(owner));
  // Both at once, for both may have to wait for the same lock.
  const commands = families.map((family) => {
    return startRestore(family, formatAdditions(only(family, wanted)), iptables.place);
  });
  waitForAll(commands);
}

/** The rules of an attachment that are not there; none where all is in place. @throws IptablesError */
export function missingIptablesMasquerade({ place }: Pick<Iptables, "place">, wanted: Wanted): readonly string[] {
  return FAMILIES.flatMap((family) => {
    const some = only(family, wanted);
    return some.prefixes.length === 0 ? [] : missingRules(listTable(family, place), some);
  });
}

function only(family: Family, wanted: Wanted): Wanted {
  return { ...wanted, prefixes: wanted.prefixes.filter(({ address }) => address.family === family) };
}

/**
 * What masquerades a container's addresses of one family, as input for `iptables-restore --noflush`: a chain of its own, which is emptied
 * where it is there, and a jump to it for each address.
 */
export function formatAdditions(wanted: Wanted): string {
  const chain = chainName(wanted.owner);
  return formatInput([`:${chain} - [0:0]`, ...rulesOf(chain, wanted)]);
}

/**
 * The rules of an attachment that a listing by `iptables -S` lacks: none where it has all of them, in this project's chain or in the
 * reference plugins'.
 */
export function missingRules(listing: string, wanted: Wanted): readonly string[] {
  const { owner } = wanted;
  const present = new Set(listing.split("\n"));
  const [own = [], shared = []] = [chainName(owner), referenceChainName(owner)].map((chain) =>
    rulesOf(chain, wanted).filter((rule) => !present.has(rule)),
  );
  return shared.length === 0 ? [] : own;
}

/** In the words of `iptables -S`. */
function rulesOf(chain: string, { owner, prefixes, keep = [] }: Wanted): readonly string[] {
  const comment = `-m comment --comment "${ruleComment(owner).replaceAll(/["\\]/g, "\\$&")}"`;
  const families = new Set(prefixes.map(({ address }) => address.family));
  const kept = keep.filter(({ address }) => families.has(address.family));
  const subnets = new Set([...prefixes, ...kept].map((prefix) => formatPrefix(network(prefix))));
  return [
    ...[...subnets].map((subnet) => `-A ${chain} ${toSubnet(subnet)}${comment} -j ACCEPT`),
    ...[...families].map((family) => `-A ${chain} ! -d ${MULTICAST[family]} ${comment} -j MASQUERADE`),
    ...prefixes.map(({ address }) => {
      return `-A POSTROUTING -s ${formatAddress(address)}/${ADDRESS_BITS[address.family]} ${comment} -j ${chain}`;
    }),
  ];
}

/** The tool says nothing of a destination that is everything. */
function toSubnet(subnet: string): string {
  return subnet.endsWith("/0") ? "" : `-d ${subnet} `;
}
