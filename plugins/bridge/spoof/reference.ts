import { deleteChain, findChain } from "../../../src/netfilter/nftables/chain.ts";
import { applyCurrent } from "../../../src/netfilter/nftables/current.ts";
import { deleteRule, listRules, type Rule } from "../../../src/netfilter/nftables/rule.ts";
import { findComment } from "../../../src/netfilter/nftables/userdata.ts";
import type { Attachment } from "../../../src/netfilter/owner.ts";
import { REFERENCE_TABLES } from "../../../src/netfilter/tables.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { ERRNO } from "../../../src/platform/errno.ts";

/**
 * The table in which the reference plugins keep a rule for each checked port. Their chain names are made of container and interface,
 * without the network.
 */
const TABLE = REFERENCE_TABLES.spoofCheck;
const ENTRY = { ...TABLE, name: "PREROUTING" } as const;

/**
 * Deletes the rules and the two chains of the reference plugins' `macspoofchk` for an attachment. The rules have the attachment's name as
 * comment. Nothing to delete is success.
 * @throws NetlinkError
 */
export function deleteReferenceSpoofCheck(netlink: Nfnetlink, attachment: Omit<Attachment, "network">): void {
  if (findChain(netlink, ENTRY) === undefined) return;
  const action = `delete the reference plugins' spoof check of ${attachment.ifname} of container ${attachment.containerId}`;
  let isBusy = false;
  applyCurrent(netlink, { action, refusals: [ERRNO.EBUSY] }, (refusal) => {
    // A rule of other software jumps to one of the chains.
    if (refusal?.errno === ERRNO.EBUSY) isBusy = true;
    const rules = listReferenceSpoofRules(netlink, attachment).map(deleteRule);
    return [...rules, ...(isBusy ? [] : ownChains(netlink, attachment))];
  });
}

/** The rule (one or none) with which the reference plugins send an attachment's frames to its chains. @throws NetlinkError */
export function listReferenceSpoofRules(
  netlink: Nfnetlink,
  { containerId, ifname }: Omit<Attachment, "network">,
): readonly Rule[] {
  if (findChain(netlink, ENTRY) === undefined) return [];
  const comment = `macspoofchk-${containerId}-${ifname}`;
  return listRules(netlink, ENTRY, [comment]).filter(({ userdata }) => findComment("rule", userdata) === comment);
}

/** The attachment's two chains. The first jumps to the second. */
function ownChains(
  netlink: Nfnetlink,
  { containerId, ifname }: Omit<Attachment, "network">,
): readonly NetlinkRequest[] {
  const name = `cni-br-iface-${containerId}-${ifname}`;
  return [name, `${name}-mac`]
    .map((each) => ({ ...TABLE, name: each }))
    .filter((chain) => findChain(netlink, chain) !== undefined)
    .map(deleteChain);
}
