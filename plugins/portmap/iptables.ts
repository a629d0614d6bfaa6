import type { Family } from "../../src/ip/address.ts";
import type { Iptables } from "../../src/netfilter/iptables/delete-jumps.ts";
import { findInLegacy } from "../../src/netfilter/iptables/legacy-table.ts";
import { GUARD, GUARD_COMMENT, guardChanges, guardRules } from "../../src/netfilter/iptables/loopback-guard.ts";
import { countNftRules, hasNftRules } from "../../src/netfilter/iptables/nft-table.ts";
import { formatInput } from "../../src/netfilter/iptables/text.ts";
import {
  findRestore,
  type Invocation,
  IptablesError,
  listTable,
  startRestore,
  type Variant,
} from "../../src/netfilter/iptables/tool.ts";
import type { Attachment } from "../../src/netfilter/owner.ts";
import { ignoring } from "../../src/platform/outcome.ts";
import { refuseHeld } from "./holder.ts";
import { chainName, ENTRY_COMMENT, referenceChainName, SHARED_CHAIN } from "./iptables-chains.ts";
import { findHeld } from "./iptables-listing.ts";
import { parseRedirects } from "./iptables-redirects.ts";
import { formatAdditions, missingRules, needsGuard } from "./iptables-rules.ts";
import type { Plan } from "./plan.ts";
import type { Redirect, Redirects } from "./redirect.ts";

/** How often an addition is tried while others create the shared chains. */
const ATTEMPTS = 5;

/**
 * Maps the plan's ports with one `iptables-restore` for each family, which also deletes the attachment's earlier mappings. Refuses a port
 * that another attachment has. Calls `beforeChange` before it changes the attachment's rules.
 * @throws CniError portConflict, IptablesError
 */
export function addIptablesRedirects(iptables: Iptables, plan: Plan, beforeChange: () => void): void {
  const { invocation } = iptables;
  for (const { family } of plan.families) findRestore(family, invocation.environment);
  for (const { family } of plan.families.filter(needsGuard)) addGuard(iptables, family);
  for (const family of plan.families) addFamily(invocation, plan, { family, beforeChange });
}

/**
 * Finds a mapping of another container that overlaps one of these, in all tables that the host may have. A command is started only for a
 * table with such mappings. If it fails (not installed, or a table that others have written to and it cannot read), that table counts as
 * empty.
 * @throws NetlinkError
 */
export function findIptablesHeld(iptables: Iptables, redirects: readonly Redirect[], owner: Attachment) {
  const families = new Set(redirects.map(({ to }) => to.family));
  for (const family of families) {
    for (const options of tablesWith(iptables, family, { chain: SHARED_CHAIN, text: ENTRY_COMMENT })) {
      const found = findHeld(listIfPossible(family, iptables.invocation, options), redirects, { owner });
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The mappings of an attachment in one family; empty if they cannot be listed. @throws NetlinkError */
export function listIptablesRedirects(iptables: Iptables, family: Family, owner: Attachment): readonly Redirect[] {
  return [chainName(owner), referenceChainName(owner)].flatMap((chain) => listChain(iptables, family, chain));
}

/** The mappings of an attachment that this project's plugin made, in one family. @throws NetlinkError */
export function listOwnIptablesRedirects(iptables: Iptables, family: Family, owner: Attachment): readonly Redirect[] {
  return listChain(iptables, family, chainName(owner));
}

function listChain(iptables: Iptables, family: Family, chain: string): readonly Redirect[] {
  return tablesWith(iptables, family, { chain, text: chain }).flatMap((options) =>
    parseRedirects(listIfPossible(family, iptables.invocation, { ...options, chain })).map(({ redirect }) => redirect),
  );
}

/** The missing rules of the plan, in the syntax of `iptables -S`. @throws IptablesError */
export function missingIptablesRules(iptables: Iptables, plan: Plan): readonly string[] {
  const listings = plan.families.map((family) => ({ family, listing: listTable(family.family, iptables.invocation) }));
  const missing = listings.flatMap(({ family, listing }) => missingRules(listing, plan, family));
  // The reference plugin does not guard 127.0.0.1.
  const isReferences =
    missing.length === 0 && !listings.some(({ listing }) => hasChain(listing, chainName(plan.owner)));
  const needing = isReferences ? [] : plan.families.filter(needsGuard);
  const unguarded = needing.filter(({ family }) => !isGuarded(iptables, family));
  return [...unguarded.flatMap(({ family }) => guardRules(family)), ...missing];
}

function addFamily(
  invocation: Invocation,
  plan: Plan,
  { family, beforeChange }: { family: Redirects; beforeChange: () => void },
): void {
  const { owner } = plan;
  const refuseIfHeld = (listing: string, before: boolean) => {
    const found = findHeld(listing, family.redirects, { owner, before });
    if (found !== undefined) refuseHeld(found.wanted, found.held);
  };
  insist(() => {
    const listing = listTable(family.family, invocation);
    const heldBack = invocation.restores?.inputs(family.family) ?? [];
    refuseIfHeld([listing, ...heldBack].join("\n"), false);
    beforeChange();
    startRestore(family.family, formatAdditions(listing, plan, family), invocation)();
  });
  // Another process may have taken one of the ports at the same moment. Then packets go to the first.
  refuseIfHeld(listTable(family.family, invocation), true);
}

/**
 * Adds the guard rules, which stay, like the shared chains. They work in either variant's table, so a command is started only for the
 * first attachment.
 */
function addGuard(iptables: Iptables, family: Family): void {
  if (isGuarded(iptables, family)) return;
  const { invocation } = iptables;
  const changes = guardChanges(listTable(family, invocation, GUARD), family);
  if (changes.length > 0) startRestore(family, formatInput(changes, GUARD.table), invocation)();
}

function isGuarded({ netlink }: Iptables, family: Family): boolean {
  const count = netlink === undefined ? 0 : countNftRules(netlink, family, { ...GUARD, text: GUARD_COMMENT });
  return count >= guardRules(family).length || findInLegacy(family, GUARD.table, [GUARD_COMMENT]).length > 0;
}

function hasChain(listing: string, chain: string): boolean {
  return listing.split("\n").includes(`-N ${chain}`);
}

/**
 * Repeats the attempt: another call may have created one of the shared chains since. Then nothing was changed, and the table is read
 * again.
 */
function insist(attempt: () => void): void {
  for (let left = ATTEMPTS - 1; ; left--) {
    try {
      attempt();
      return;
    } catch (error) {
      if (!(error instanceof IptablesError) || error.failure !== "refused" || left === 0) throw error;
    }
  }
}

/** Which of a host's two nat tables have rules in a chain, or contain a text. */
function tablesWith(
  { netlink }: Iptables,
  family: Family,
  { chain, text }: { chain: string; text: string },
): readonly { readonly variant: Variant }[] {
  return [
    ...(netlink !== undefined && hasNftRules(netlink, family, chain) ? [{ variant: "nft" as const }] : []),
    ...(findInLegacy(family, "nat", [text]).length > 0 ? [{ variant: "legacy" as const }] : []),
  ];
}

function listIfPossible(family: Family, invocation: Invocation, options: { chain?: string; variant: Variant }): string {
  return ignoring([IptablesError], () => listTable(family, invocation, options)) ?? "";
}
