import type { Family } from "../../ip/address.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import type { JumpSelection } from "./jump.ts";
import { findInLegacy } from "./legacy-table.ts";
import { deleteNftJumps } from "./nft-table.ts";
import { formatRemovals } from "./text.ts";
import { type Invocation, IptablesError, listTable, startRestore } from "./tool.ts";

/** Access to the iptables rules: a NETLINK_NETFILTER socket if the kernel has nf_tables, and the commands. */
export interface Iptables {
  readonly netlink: Nfnetlink | undefined;
  readonly invocation: Invocation;
}

/** How many times a removal is tried while others change the table. */
const REMOVAL_ATTEMPTS = 3;

/**
 * Deletes the selected jumps of one family, and the chains that no other rule then jumps to, whoever made them. It covers both tables
 * that a host may have: iptables-nft's by netlink, and iptables-legacy's by commands, which it starts only if there is something to
 * delete. Nothing to delete is success. @throws NetlinkError, IptablesError
 */
export function deleteJumps({ netlink, invocation }: Iptables, family: Family, selection: JumpSelection): void {
  if (netlink !== undefined) deleteNftJumps(netlink, family, selection);
  deleteLegacyJumps(family, selection, invocation);
}

function deleteLegacyJumps(family: Family, selection: JumpSelection, invocation: Invocation): void {
  for (let attempt = 1; ; attempt++) {
    const found = findInLegacy(family, "nat", selection.texts);
    if (found.length === 0) return;
    const chains = found.filter((text) => selection.chains?.includes(text));
    const listing = listIfThere(family, invocation, selection.from);
    const input = formatRemovals(listing, selection, chains);
    if (input === undefined) return;
    try {
      startRestore(family, input, invocation, { variant: "legacy" })();
      return;
    } catch (error) {
      // Another process has deleted one of the rules since.
      const isLost = error instanceof IptablesError && error.failure === "refused" && attempt < REMOVAL_ATTEMPTS;
      if (!isLost) throw error;
    }
  }
}

/** The error of iptables for a missing chain. */
const NO_CHAIN = "No chain/target/match by that name";

/** The rules of an iptables-legacy chain; none if the chain has been deleted. */
function listIfThere(family: Family, invocation: Invocation, chain: string): string {
  try {
    return listTable(family, invocation, { chain, variant: "legacy" });
  } catch (error) {
    if (error instanceof IptablesError && error.message.includes(NO_CHAIN)) return "";
    throw error;
  }
}
