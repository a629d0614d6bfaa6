import type { Address, Family } from "../../src/ip/address.ts";
import type { Iptables } from "../../src/netfilter/iptables/delete-jumps.ts";
import type { FilterChain, FindChain } from "../../src/netfilter/iptables/filter-rule.ts";
import { formatRule } from "../../src/netfilter/iptables/filter-rule.ts";
import { decodeLegacyFilter } from "../../src/netfilter/iptables/legacy-filter.ts";
import { readLegacyTable } from "../../src/netfilter/iptables/legacy-table.ts";
import { findNftChain } from "../../src/netfilter/iptables/nft-filter.ts";
import { formatInput } from "../../src/netfilter/iptables/text.ts";
import { IptablesError, runAtOnce, startRestore, type Variant } from "../../src/netfilter/iptables/tool.ts";
import { applyCurrent } from "../../src/netfilter/nftables/current.ts";
import { deleteRule } from "../../src/netfilter/nftables/rule.ts";
import { addressRules, CHAIN, missingLines, type WantedFilter } from "./iptables-rules.ts";

/** The filter table of one family, as one variant of the commands keeps it. */
export interface FilterTable {
  readonly family: Family;
  readonly variant: Variant;
}

/** The table that has all these rules. */
const FILTER = "filter";

/** How often a change is tried while others change the table. */
const ATTEMPTS = 5;

const FAMILIES = [4, 6] as const;
const VARIANTS = ["nft", "legacy"] as const;

/** All filter tables that a host may have. */
export const ALL_TABLES: readonly FilterTable[] = FAMILIES.flatMap((family) =>
  VARIANTS.map((variant) => ({ family, variant })),
);

/**
 * Adds what is missing to each of these tables, with one atomic command per table. Repeating it is safe. Tables of a family without an
 * address are left alone.
 * @throws IptablesError
 */
export function addFilterRules(iptables: Iptables, tables: readonly FilterTable[], wanted: WantedFilter): void {
  for (let attempt = 1; ; attempt++) {
    const commands = tables.flatMap((table) => {
      const lines = missingFilterRules(iptables, table, wanted);
      return lines.length === 0
        ? []
        : [() => startRestore(table.family, formatInput(lines, FILTER), iptables.invocation, table)];
    });
    try {
      runAtOnce(commands);
      return;
    } catch (error) {
      // Another process has created one of the chains since.
      if (!isRefusal(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** What is missing in a table, one line for each chain and rule. @throws LinuxError, NetlinkError */
export function missingFilterRules(iptables: Iptables, table: FilterTable, wanted: WantedFilter): readonly string[] {
  const addresses = wanted.addresses.filter(({ family }) => family === table.family);
  if (addresses.length === 0) return [];
  return missingLines(reader(iptables, table, addresses), { ...wanted, addresses });
}

/**
 * Deletes all rules for these addresses, whoever added them: with netlink, and in iptables-legacy with a command, started only if there
 * is something to delete. The chains stay. Nothing to delete is success.
 * @throws NetlinkError, LinuxError, IptablesError
 */
export function deleteFilterRules(iptables: Iptables, table: FilterTable, addresses: readonly Address[]): void {
  const own = addresses.filter(({ family }) => family === table.family);
  if (own.length === 0) return;
  if (table.variant === "nft") deleteFromNft(iptables, table, own);
  else deleteFromLegacy(iptables, table, own);
}

/** The name of the commands that change the table. */
export function formatTable({ family, variant }: FilterTable): string {
  return `${family === 4 ? "iptables" : "ip6tables"}-${variant}`;
}

/** Reads chains of a table. With nf_tables it reads only the jump and the rules for these addresses from CNI-FORWARD, to save work. */
function reader(
  { netlink }: Iptables,
  { family, variant }: FilterTable,
  addresses: readonly Address[] = [],
): FindChain {
  if (variant === "legacy") {
    const table = readLegacyTable(family, "filter");
    const chains = table === undefined ? new Map<string, FilterChain>() : decodeLegacyFilter(family, table);
    return (name) => chains.get(name);
  }
  const found = new Map<string, FilterChain | undefined>();
  return (name) => {
    if (netlink === undefined) return undefined;
    const parts = name === CHAIN.forward ? [...addresses, "CNI firewall plugin"] : [];
    if (!found.has(name)) found.set(name, findNftChain(netlink, { family, name, parts }));
    return found.get(name);
  };
}

function deleteFromNft({ netlink }: Iptables, { family }: FilterTable, addresses: readonly Address[]): void {
  if (netlink === undefined) return;
  const texts = textsOf(addresses);
  applyCurrent(netlink, { action: "delete a container's iptables rules" }, () => {
    const chain = findNftChain(netlink, { family, name: CHAIN.forward, parts: addresses });
    return (chain?.rules() ?? [])
      .filter(({ text }) => text && texts.includes(text))
      .map(({ rule }) => deleteRule(rule));
  });
}

function deleteFromLegacy(iptables: Iptables, table: FilterTable, addresses: readonly Address[]): void {
  const texts = textsOf(addresses);
  for (let attempt = 1; ; attempt++) {
    const rules = reader(iptables, table)(CHAIN.forward)?.rules() ?? [];
    const lines = rules.flatMap(({ text }) => (text && texts.includes(text) ? [`-D ${CHAIN.forward} ${text}`] : []));
    if (lines.length === 0) return;
    try {
      startRestore(table.family, formatInput(lines, FILTER), iptables.invocation, table)();
      return;
    } catch (error) {
      // Another process has deleted one of the rules since.
      if (!isRefusal(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

function textsOf(addresses: readonly Address[]): readonly string[] {
  return addresses.flatMap(addressRules).map(formatRule);
}

function isRefusal(error: unknown): boolean {
  return error instanceof IptablesError && error.failure === "refused";
}
