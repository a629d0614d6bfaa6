import { applyCurrent } from "../../netfilter/nftables/current.ts";
import { deleteRule, listRulesIfThere, type Rule } from "../../netfilter/nftables/rule.ts";
import { findComment } from "../../netfilter/nftables/userdata.ts";
import { isSelected, type Selection } from "../../netfilter/owner.ts";
import { REFERENCE_TABLES } from "../../netfilter/tables.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";

/** The reference plugins' chain, which has a rule for each container address. */
const CHAIN = { ...REFERENCE_TABLES.masquerade, name: "masq_checks" } as const;

/**
 * Deletes the rules of the reference plugins' nftables backend for the selected attachments. Nothing to delete is success.
 * @throws NetlinkError
 */
export function deleteReferenceRules(netlink: Nfnetlink, selection: Selection): void {
  const action = `delete the reference plugins' nftables rules of ${selection.label}`;
  applyCurrent(netlink, { action }, () => listReferenceRules(netlink, selection).map(deleteRule));
}

/** The reference plugins' nftables rules for the selected attachments, one for each address. @throws NetlinkError */
export function listReferenceRules(netlink: Nfnetlink, selection: Selection): readonly Rule[] {
  return listRulesIfThere(netlink, CHAIN, [selection.key]).filter(({ userdata }) =>
    isSelected(selection, findComment("rule", userdata) ?? ""),
  );
}
