import type { Address, Family } from "../../src/ip/address.ts";
import type { FilterChain, FindChain } from "../../src/netfilter/iptables/filter-rule.ts";
import { formatRule } from "../../src/netfilter/iptables/filter-rule.ts";
import { decodeLegacyFilter } from "../../src/netfilter/iptables/legacy-filter.ts";
import { readLegacyTable } from "../../src/netfilter/iptables/legacy-table.ts";
import { findNftChain } from "../../src/netfilter/iptables/nft-filter.ts";
import {
  IptablesError,
  type Place,
  startRestore,
  type Variant,
  waitForAll,
} from "../../src/netfilter/iptables/tool.ts";
import { applyCurrent } from "../../src/netfilter/nftables/current.ts";
import { deleteRule } from "../../src/netfilter/nftables/rule.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { addressRules, CHAIN, formatInput, missingLines, type WantedFilter } from "./iptables-rules.ts";

/** Table filter of one family, as the commands of one variant keep it. */
export interface FilterTable {
  readonly family: Family;
  readonly variant: Variant;
}

/** How it is reached: a socket of NETLINK_NETFILTER, where the kernel has nf_tables, and the commands. */
export interface Iptables {
  readonly netlink: Nfnetlink | undefined;
  readonly place: Place;
}

/** How often a change is tried while others change the table. */
const ATTEMPTS = 5;

const FAMILIES = [4, 6] as const;
const VARIANTS = ["nft", "legacy"] as const;

/** Every table filter that a host may have. */
export const ALL_TABLES: readonly FilterTable[] = FAMILIES.flatMap((family) =>
  VARIANTS.map((variant) => ({ family, variant })),
);

/**
 * Makes in each of these tables what is missing, with one command for each, all at once. Twice is once. Tables without an address of their
 * family are left alone. @throws IptablesError
 */
export function addFilterRules(iptables: Iptables, tables: readonly FilterTable[], wanted: WantedFilter): void {
  for (let attempt = 1; ; attempt++) {
    const commands = tables.flatMap((table) => {
      const lines = missingFilterRules(iptables, table, wanted);
      return lines.length === 0 ? [] : [startRestore(table.family, formatInput(lines), iptables.place, table)];
    });
    try {
      waitForAll(commands);
      return;
    } catch (error) {
      // Somebody else has made one of the chains meanwhile.
      if (!isRefusal(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** What of it is not there, a line for each chain and rule. @throws LinuxError, NetlinkError */
export function missingFilterRules(iptables: Iptables, table: FilterTable, wanted: WantedFilter): readonly string[] {
  const addresses = wanted.addresses.filter(({ family }) => family === table.family);
  if (addresses.length === 0) return [];
  return missingLines(reader(iptables, table, addresses), { ...wanted, addresses });
}

/**
 * Deletes the rules of these addresses, whoever made them, from every table: by netlink, and in those of iptables-legacy by a command, which is
 * only started where there is something to delete. The chains stay. Nothing there is success. @throws NetlinkError, LinuxError, IptablesError
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

/** Reads chains of a table, of CNI-FORWARD only the jump and the rules of these addresses where that saves work. */
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
      startRestore(table.family, formatInput(lines), iptables.place, table)();
      return;
    } catch (error) {
      // Somebody else has taken one of the rules meanwhile.
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
