import type { Family } from "../../ip/address.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { applyCurrent } from "../nftables/current.ts";
import { deleteRule, listRulesIfThere, type Rule } from "../nftables/rule.ts";
import { IPTABLES_NAT } from "../tables.ts";
import type { Iptables } from "./delete-jumps.ts";
import { findInLegacy } from "./legacy-table.ts";
import { formatInput } from "./text.ts";
import { listTable, startRestore, type Variant } from "./tool.ts";

// The rules that mappings of ports of 127.0.0.1 and ::1 need. All mappings of a family share them.

/** The chain that sees packets before anything else is done to them. */
export const GUARD = { table: "raw", chain: "PREROUTING" } as const;

/** The comment of the rules in table raw that keep other hosts away from loopback addresses. */
export const GUARD_COMMENT = "CNI portfwd loopback";

/** A rule of an earlier version, for one link. */
const FORMER_GUARD =
  /^-A PREROUTING -[ds] 127\.0\.0\.0\/8 -i \S+ -m comment --comment "CNI portfwd route_localnet" -j DROP$/;

/** The comments of those rules, and of these of earlier versions. */
const GUARD_COMMENTS = [GUARD_COMMENT, "CNI portfwd route_localnet"] as const;

/** The rules in table raw that drop packets with loopback addresses from other links than `lo`, before they are forwarded. */
export function guardRules(family: Family): readonly string[] {
  const loopback = family === 4 ? "127.0.0.0/8" : "::1/128";
  const comment = `-m comment --comment "${GUARD_COMMENT}"`;
  return ["-d", "-s"].map((end) => `-A PREROUTING ${end} ${loopback} ! -i lo ${comment} -j DROP`);
}

/** The lines for iptables-restore that add the missing guard rules and delete those of earlier versions. */
export function guardChanges(listing: string, family: Family): readonly string[] {
  const lines = listing.split("\n");
  return [
    ...guardRules(family).filter((rule) => !lines.includes(rule)),
    ...lines.filter((line) => FORMER_GUARD.test(line)).map((line) => line.replace(/^-A/, "-D")),
  ];
}

/** The lines for iptables-restore that delete all these rules. */
export function guardRemovals(listing: string): readonly string[] {
  const rules = new Set(([4, 6] as const).flatMap(guardRules));
  const isGuard = (line: string) => rules.has(line) || FORMER_GUARD.test(line);
  return listing
    .split("\n")
    .filter(isGuard)
    .map((line) => line.replace(/^-A/, "-D"));
}

/** A table raw of the host, by the commands that change it. */
interface RawTable {
  readonly family: Family;
  readonly variant: Variant;
}

/**
 * Deletes these rules, of both variants of iptables, except in the families `inUse`, of which there are mappings. The Go plugin has no such
 * rules. Returns the tables, as "table raw of iptables-nft". Call it on a node on which this project's plugins no longer attach containers:
 * an ADD at the same moment may have counted on the rules. @throws NetlinkError, LinuxError, IptablesError
 */
export function dropGuards(iptables: Iptables, inUse: ReadonlySet<Family>): readonly string[] {
  const unused = findGuarded(iptables.netlink).filter(({ family }) => !inUse.has(family));
  for (const table of unused) dropGuard(iptables, table);
  return unused.map(
    ({ family, variant }) => `table ${GUARD.table} of ${family === 4 ? "iptables" : "ip6tables"}-${variant}`,
  );
}

function findGuarded(netlink: Nfnetlink | undefined): readonly RawTable[] {
  return ([4, 6] as const).flatMap((family) => [
    ...(netlink !== undefined && listGuard(netlink, family).length > 0 ? [{ family, variant: "nft" as const }] : []),
    ...(findInLegacy(family, GUARD.table, GUARD_COMMENTS).length > 0 ? [{ family, variant: "legacy" as const }] : []),
  ]);
}

function dropGuard({ netlink, invocation }: Iptables, { family, variant }: RawTable): void {
  if (variant === "legacy") {
    const removals = guardRemovals(listTable(family, invocation, { ...GUARD, variant }));
    if (removals.length > 0) startRestore(family, formatInput(removals, GUARD.table), invocation, { variant })();
  } else if (netlink !== undefined) {
    const action = "delete the rules of unused port mappings against loopback addresses";
    applyCurrent(netlink, { action }, () => listGuard(netlink, family).map(deleteRule));
  }
}

function listGuard(netlink: Nfnetlink, family: Family): readonly Rule[] {
  const chain = { family: IPTABLES_NAT[family].family, table: GUARD.table, name: GUARD.chain };
  return listRulesIfThere(netlink, chain, GUARD_COMMENTS);
}
