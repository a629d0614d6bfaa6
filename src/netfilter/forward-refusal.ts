import type { Family } from "../ip/address.ts";
import { NFPROTO } from "../netlink/nfnetlink.ts";
import type { Nfnetlink } from "../netlink/socket.ts";
import { decodeLegacyFilter } from "./iptables/legacy-filter.ts";
import { readLegacyTable } from "./iptables/legacy-table.ts";
import { findNftChain } from "./iptables/nft-filter.ts";
import { type Chain, type ChainKey, listBaseChains, NF_INET } from "./nftables/chain.ts";
import { NF } from "./nftables/data.ts";
import type { Expression } from "./nftables/expression.ts";
import { listRules, type Rule } from "./nftables/rule.ts";

/** The built-in iptables chain for forwarded packets. */
const FORWARD = "FORWARD";

/** The nf_tables families whose chains see packets of IPv4, IPv6, or both. */
const FAMILY_NAMES: Readonly<Record<number, string>> = {
  [NFPROTO.INET]: "inet",
  [NFPROTO.IPV4]: "ip",
  [NFPROTO.IPV6]: "ip6",
};

/**
 * Why iptables drops forwarded packets that no rule of its chain accepts, in words. Undefined if it does not drop them.
 * @throws NetlinkError, LinuxError
 */
export function findForwardRefusal(
  netlink: Nfnetlink | undefined,
  { family, variant }: { family: Family; variant: "nft" | "legacy" },
): string | undefined {
  const forward = variant === "nft" ? netlink && findNftChain(netlink, { family, name: FORWARD }) : findLegacy(family);
  const name = `${family === 4 ? "iptables" : "ip6tables"}-${variant}`;
  if (forward?.policy === "DROP") return `chain FORWARD of ${name} has policy DROP`;
  const target = forward?.rules().find((rule) => rule.target === "DROP" || rule.target === "REJECT")?.target;
  return target && `chain FORWARD of ${name} has a rule with target ${target}`;
}

/**
 * The nf_tables chains that drop forwarded packets unless one of their own rules accepts them, in words. An accept in another table
 * does not help. Chains of iptables, of firewalld and of these plugins are left out. @throws NetlinkError
 */
export function listDroppingChains(netlink: Nfnetlink): readonly string[] {
  return findDroppingChains(netlink).map(
    ({ chain, how }) => `chain ${chain.name} of nftables table ${chain.table} ${how}`,
  );
}

/** A chain that drops: `table` is its family and table, as the nft tool takes them. */
export interface DroppingChain {
  readonly chain: { readonly table: string; readonly name: string };
  readonly key: ChainKey;
  /** What it does, as words to follow its name. */
  readonly how: string;
}

/** The chains of listDroppingChains(). @throws NetlinkError */
export function findDroppingChains(netlink: Nfnetlink): readonly DroppingChain[] {
  return listBaseChains(netlink)
    .filter((chain) => chain.hook?.number === NF_INET.FORWARD && FAMILY_NAMES[chain.family] !== undefined)
    .filter((chain) => !isKnown(chain))
    .flatMap((chain) => {
      const how = chain.policy === NF.DROP ? "has policy drop" : findFinalDrop(netlink, chain);
      if (how === undefined) return [];
      const { family, table = "", name = "" } = chain;
      return [{ chain: { table: `${FAMILY_NAMES[family]} ${table}`, name }, key: { family, table, name }, how }];
    });
}

function findLegacy(family: Family) {
  const table = readLegacyTable(family, "filter");
  return table === undefined ? undefined : decodeLegacyFilter(family, table).get(FORWARD);
}

function isKnown({ family, table = "", name }: Chain): boolean {
  const isIptables = family !== NFPROTO.INET && table === "filter" && name === FORWARD;
  return isIptables || table === "firewalld" || table.startsWith("cni_");
}

function findFinalDrop(netlink: Nfnetlink, { family, table = "", name = "" }: Chain): string | undefined {
  return listRules(netlink, { family, table, name }).some(dropsAll) ? "drops what it does not accept" : undefined;
}

/** Whether a rule drops every packet. */
function dropsAll({ expressions = [] }: Rule): boolean {
  const kinds = expressions.map((each) => (each.name === "other" ? each.kind : each.name));
  const asksNothing = kinds.every((kind) => ["counter", "log", "immediate", "reject"].includes(kind));
  return asksNothing && (kinds.includes("reject") || expressions.some(isDrop));
}

function isDrop(each: Expression): boolean {
  return each.name === "immediate" && each.data.data?.verdict?.code === NF.DROP;
}
