import type { NetlinkRequest } from "../../netlink/answers.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { addChain, type Chain, deleteChain, findChain } from "./chain.ts";
import type { Expression } from "./expression.ts";
import { addRule, flushChain } from "./rule.ts";
import { addSet, deleteSet, hasSet, type NamedSet } from "./set.ts";
import { addTable, type Table } from "./table.ts";

/** A table and all that is always in it; elements of its sets come and go. */
export interface RuleSet {
  readonly table: Table & { readonly name: string };
  readonly sets: readonly NamedSet[];
  readonly chains: readonly ChainRules[];
  /** What earlier versions had in the table, by name: it goes when the rule set is made. */
  readonly former?: { readonly chains: readonly string[]; readonly sets?: readonly string[] };
}

/** A chain with its rules, in order. `family` and `table` are the rule set's. */
export interface ChainRules {
  readonly name: string;
  /** What makes it a base chain. */
  readonly base?: Pick<Chain, "type" | "hook">;
  /** The chain that it is made and deleted with, so that nobody has to ask after it: one of the same rule set. */
  readonly with?: string;
  /** The chain that makes it be made anew where that is missing: one of the same rule set, which every version has under another name. */
  readonly follows?: string;
  /** A function, for they are mostly there already. */
  readonly rules: () => readonly LabelledRule[];
}

/** A rule, and how the nft tool would say it. */
export interface LabelledRule {
  readonly label: string;
  readonly expressions: readonly Expression[];
}

/** The changes after which the rule set is there, whatever of it was there before. A packet sees the old state or the new. */
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
 * The changes after which what is missing of the rule set is there: none as a rule, for which it asks after each chain. One that has
 * rules, or that something goes to, is taken to be as it should; sets are there where the base chains are, which look them up.
 * A chain that others follow has another name where an earlier version's rules are other ones: so those are replaced, in the same transaction, and what
 * the table has for attachments stays.
 * @throws NetlinkError
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
