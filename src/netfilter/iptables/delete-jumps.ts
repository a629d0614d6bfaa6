import type { Family } from "../../ip/address.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import type { JumpSelection } from "./jump.ts";
import { findInLegacy } from "./legacy-table.ts";
import { deleteNftJumps } from "./nft-table.ts";
import { formatRemovals } from "./text.ts";
import { IptablesError, listTable, type Place, startRestore } from "./tool.ts";

/** How the rules of iptables are reached: a socket of NETLINK_NETFILTER, where the kernel has nf_tables, and its commands. */
export interface Iptables {
  readonly netlink: Nfnetlink | undefined;
  readonly place: Place;
}

/** How often a removal is tried while others change the table. */
const REMOVAL_ATTEMPTS = 3;

/**
 * Deletes the selected jumps of one family, and the chains that then nothing goes to, whoever made them, from both tables
 * that a host may have: that of iptables-nft by netlink, that of iptables-legacy by commands, which are only started where
 * there is something to delete. Nothing there is success. @throws NetlinkError, IptablesError
 */
export function deleteJumps({ netlink, place }: Iptables, family: Family, selection: JumpSelection): void {
  if (netlink !== undefined) deleteNftJumps(netlink, family, selection);
  deleteLegacyJumps(family, selection, place);
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
