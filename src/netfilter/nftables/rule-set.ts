import type { NetlinkRequest } from "../../netlink/answers.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { addChain, type Chain, deleteChain, findChain } from "./chain.ts";
import type { Expression } from "./expression.ts";
import { addRule, flushChain } from "./rule.ts";
import { addSet, deleteSet, hasSet, type NamedSet } from "./set.ts";
import { addTable, type Table } from "./table.ts";

/** A table and its fixed content. The elements of its sets change. */
export interface RuleSet {
  readonly table: Table & { readonly name: string };
  readonly sets: readonly NamedSet[];
  readonly chains: readonly ChainRules[];
  /** Chains and sets of earlier versions, by name. They are deleted when the rule set is created. */
  readonly former?: { readonly chains: readonly string[]; readonly sets?: readonly string[] };
}

/** A chain with its rules in order, in the family and table of the rule set. */
export interface ChainRules {
  readonly name: string;
  /** The type and hook of a base chain. */
  readonly base?: Pick<Chain, "type" | "hook">;
  /** Another chain of the rule set. The two are always created and deleted together, so only that one is looked up. */
  readonly with?: string;
  /** Another chain of the rule set, which has a new name in each version. If it is missing, this chain is made again. */
  readonly follows?: string;
  /** A function, because the chain usually exists and then needs no rules. */
  readonly rules: () => readonly LabelledRule[];
}

/** A rule, and its text in the nft tool's syntax. */
export interface LabelledRule {
  readonly label: string;
  readonly expressions: readonly Expression[];
}

/** The changes that create the rule set, whatever part of it exists. A packet sees the old state or the new one. */
export function ensureRuleSet({ table, sets, chains }: RuleSet): readonly NetlinkRequest[] {
  const place = { family: table.family, table: table.name };
  return [
    addTable(table),
    ...chains.map(({ name, base }) => addChain({ ...place, name, ...base })),
    ...sets.map(addSet),
    ...chains.flatMap(({ name, rules }) => [
      flushChain({ ...place, name }),
      ...rules().map((rule) => addRule({ ...place, chain: name, ...rule })),
    ]),
  ];
}

/**
 * The changes that create the missing parts of the rule set, usually none. It looks up each chain. A chain counts as correct if it has
 * rules, or if a rule or an element jumps to it. The sets exist if the base chains exist, because these look them up. A chain that
 * others follow gets a new name when its rules change between versions. So the rules of an earlier version are replaced in one
 * transaction, and the attachments' elements stay. @throws NetlinkError
 */
export function missingOf(netlink: Nfnetlink, { table, sets, chains, former }: RuleSet): readonly NetlinkRequest[] {
  const place = { family: table.family, table: table.name };
  const isEmpty = ({ name }: ChainRules) => (findChain(netlink, { ...place, name })?.use ?? 0) === 0;
  const empty = chains.filter((chain) => chain.with === undefined && isEmpty(chain));
  if (empty.length === 0) return [];
  const isMissing = (name: string | undefined) => empty.some((each) => each.name === name);
  const missing = chains.filter((chain) => isMissing(chain.with ?? chain.name) || isMissing(chain.follows));
  if (!missing.some(({ base }) => base !== undefined)) return ensureRuleSet({ table, sets: [], chains: missing });
  return [...ensureRuleSet({ table, sets, chains: missing }), ...formerOf(netlink, place, former)];
}

function formerOf(
  netlink: Nfnetlink,
  place: { family: number; table: string },
  former: RuleSet["former"],
): readonly NetlinkRequest[] {
  const { chains = [], sets = [] } = former ?? {};
  const keyed = (names: readonly string[]) => names.map((name) => ({ ...place, name }));
  return [
    ...keyed(chains)
      .filter((key) => findChain(netlink, key) !== undefined)
      .map(deleteChain),
    ...keyed(sets)
      .filter((key) => hasSet(netlink, key))
      .map(deleteSet),
  ];
}
