import type { Family } from "../ip/address.ts";
import type { Netlink } from "../netlink/socket.ts";
import { type JumpSelection, selectOwnChain } from "./iptables/jump.ts";
import { findInLegacy } from "./iptables/legacy-table.ts";
import { deleteNftJumps } from "./iptables/nft-table.ts";
import { formatAdditions, formatRemovals, missingRules } from "./iptables/text.ts";
import { findRestore, IptablesError, listTable, type Place, startRestore, waitForAll } from "./iptables/tool.ts";
import type { Wanted } from "./masquerade-rules.ts";

/** How the rules of iptables are reached: a socket of NETLINK_NETFILTER, where the kernel has nf_tables, and its commands. */
export interface Iptables {
  readonly netlink: Netlink | undefined;
  readonly place: Place;
}

/** How often a removal is tried while others change the table. */
const REMOVAL_ATTEMPTS = 3;

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

/**
 * Deletes the selected jumps of one family, and the chains that then nothing goes to, whoever made them, from both tables
 * that a host may have: that of iptables-nft by netlink, that of iptables-legacy by commands, which are only started where
 * there is something to delete. Nothing there is success. @throws NetlinkError, IptablesError
 */
export function deleteJumps({ netlink, place }: Iptables, family: Family, selection: JumpSelection): void {
  if (netlink !== undefined) deleteNftJumps(netlink, family, selection);
  deleteLegacyJumps(family, selection, place);
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

function deleteLegacyJumps(family: Family, selection: JumpSelection, place: Place): void {
  for (let attempt = 1; ; attempt++) {
    const found = findInLegacy(family, "nat", selection.texts);
    if (found.length === 0) return;
    const chains = found.filter((text) => selection.chains?.includes(text));
    const listing = listIfThere(family, place, selection.from);
    const input = formatRemovals(listing, selection, chains);
    if (input === undefined) return;
    try {
      startRestore(family, input, place, { variant: "legacy" })();
      return;
    } catch (error) {
      // Somebody else has taken one of the rules meanwhile.
      const isLost = error instanceof IptablesError && error.failure === "refused" && attempt < REMOVAL_ATTEMPTS;
      if (!isLost) throw error;
    }
  }
}

/** What iptables says where there is no such chain. */
const NO_CHAIN = "No chain/target/match by that name";

/** The rules of a chain of iptables-legacy's; none where it has been deleted. */
function listIfThere(family: Family, place: Place, chain: string): string {
  try {
    return listTable(family, place, { chain, variant: "legacy" });
  } catch (error) {
    if (error instanceof IptablesError && error.message.includes(NO_CHAIN)) return "";
    throw error;
  }
}
