import { ADDRESS_BITS, type Family, formatAddress } from "../../ip/address.ts";
import { formatPrefix, network } from "../../ip/prefix.ts";
import { deleteJumps, type Iptables } from "../../netfilter/iptables/delete-jumps.ts";
import { selectOwnChain } from "../../netfilter/iptables/jump.ts";
import { chainName, referenceChainName, ruleComment } from "../../netfilter/iptables/name.ts";
import { formatInput } from "../../netfilter/iptables/text.ts";
import { findRestore, listTable, runAtOnce, startRestore } from "../../netfilter/iptables/tool.ts";
import type { Wanted } from "./rules.ts";

/** Multicast addresses. A packet to them keeps its source, as with the reference plugins. */
const MULTICAST = { 4: "224.0.0.0/4", 6: "ff00::/8" } as const;

const FAMILIES = [4, 6] as const;

/**
 * Masquerades packets from these addresses that leave their subnets, in the way of the reference plugins: one chain for the
 * attachment, a jump to it for each address, and one command for each family. A second call changes nothing.
 * @throws IptablesError
 */
export function addIptablesMasquerade(iptables: Iptables, wanted: Wanted): void {
  const { owner, prefixes } = wanted;
  const families = FAMILIES.filter((family) => prefixes.some(({ address }) => address.family === family));
  for (const family of families) findRestore(family, iptables.invocation.environment);
  for (const family of families) deleteJumps(iptables, family, selectOwnChain(owner));
  // Both families run at once, because both may have to wait for one lock.
  runAtOnce(
    families.map((family) => () => startRestore(family, formatAdditions(only(family, wanted)), iptables.invocation)),
  );
}

/** The rules that an attachment lacks; none if all exist. @throws IptablesError */
export function missingIptablesMasquerade(
  { invocation }: Pick<Iptables, "invocation">,
  wanted: Wanted,
): readonly string[] {
  return FAMILIES.flatMap((family) => {
    const some = only(family, wanted);
    return some.prefixes.length === 0 ? [] : missingRules(listTable(family, invocation), some);
  });
}

function only(family: Family, wanted: Wanted): Wanted {
  return { ...wanted, prefixes: wanted.prefixes.filter(({ address }) => address.family === family) };
}

/**
 * The rules that masquerade a container's addresses of one family, as input for `iptables-restore --noflush`: a chain of its
 * own, which is flushed if it exists, and a jump to it for each address.
 */
export function formatAdditions(wanted: Wanted): string {
  const chain = chainName(wanted.owner);
  return formatInput([`:${chain} - [0:0]`, ...rulesOf(chain, wanted)]);
}

/**
 * The rules of an attachment that a listing by `iptables -S` lacks; none if this project's chain or the reference plugins'
 * chain has all of them.
 */
export function missingRules(listing: string, wanted: Wanted): readonly string[] {
  const { owner } = wanted;
  const present = new Set(listing.split("\n"));
  const [own = [], shared = []] = [chainName(owner), referenceChainName(owner)].map((chain) =>
    rulesOf(chain, wanted).filter((rule) => !present.has(rule)),
  );
  return shared.length === 0 ? [] : own;
}

/** The rules as `iptables -S` prints them. */
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

/** The tool omits a destination that matches every address. */
function toSubnet(subnet: string): string {
  return subnet.endsWith("/0") ? "" : `-d ${subnet} `;
}
