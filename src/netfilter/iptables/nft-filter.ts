import { type Address, decodeAddress, encodeAddress, type Family } from "../../ip/address.ts";
import type { Nfnetlink } from "../../netlink/socket.ts";
import { type ChainKey, findChain } from "../nftables/chain.ts";
import { NF, NFT } from "../nftables/data.ts";
import { ifname } from "../nftables/datatype.ts";
import { NFT_CMP } from "../nftables/expression/cmp.ts";
import type { Expression } from "../nftables/expression.ts";
import { ADDRESS_FIELD, type Field, load } from "../nftables/field.ts";
import { formatExpressions } from "../nftables/format.ts";
import { listRules, type Rule } from "../nftables/rule.ts";
import { findComment } from "../nftables/userdata.ts";
import { IPTABLES_FILTER } from "../tables.ts";
import { type FilterChain, type FilterRule, type FoundRule, formatRule } from "./filter-rule.ts";
import { decodeExtension, readMatch } from "./xt-match.ts";

/** A rule of table filter that iptables-nft stores in nf_tables. */
export interface NftRule extends FoundRule {
  readonly rule: Rule;
}

/**
 * A chain of table filter with its rules, read by netlink; undefined if it does not exist. With `parts` (texts or addresses), only the
 * rules whose bytes contain one of them. @throws NetlinkError
 */
export function findNftChain(
  netlink: Nfnetlink,
  { family, name, parts = [] }: { family: Family; name: string; parts?: readonly (string | Address)[] },
): FilterChain<NftRule> | undefined {
  const key: ChainKey = { ...IPTABLES_FILTER[family], name };
  const chain = findChain(netlink, key);
  if (chain === undefined) return undefined;
  const policy = chain.policy === undefined ? undefined : chain.policy === NF.DROP ? "DROP" : "ACCEPT";
  const wanted = parts.map((part) => (typeof part === "string" ? part : encodeAddress(part)));
  const rules = listRules(netlink, key, wanted).map((rule) => ({ ...decodeNftRule(rule, family), rule }));
  return { policy, rules: () => rules };
}

/** Reads a rule of iptables-nft. @throws RangeError on malformed input */
export function decodeNftRule({ expressions = [], userdata }: Rule, family: Family): FoundRule {
  const target = expressions.map(readTarget).find((each) => each !== undefined) ?? "";
  const comment = findComment("rule", userdata);
  let rule: FilterRule | undefined = { target, ...(comment === undefined ? {} : { comment }) };
  let loaded: Field | undefined;
  for (const expression of expressions) {
    if (expression.name === "payload" || expression.name === "meta") loaded = fieldOf(expression, family);
    else rule = rule && narrow(rule, expression, loaded);
  }
  return { text: rule && formatRule(rule), target };
}

function fieldOf(expression: Expression, family: Family): Field | undefined {
  const { source, destination } = ADDRESS_FIELD[family];
  const actual = formatExpressions([expression]);
  const fields: readonly Field[] = [source, destination, "iifname", "oifname"];
  return fields.find((field) => formatExpressions(load([field])) === actual);
}

/** Adds the match of one more expression to the rule; undefined if FilterRule cannot express it. */
function narrow(rule: FilterRule, expression: Expression, loaded: Field | undefined): FilterRule | undefined {
  if (expression.name === "cmp") return compare(rule, expression.data, loaded);
  if (expression.name === "immediate") return expression.data.data?.verdict?.code === NFT.GOTO ? undefined : rule;
  if (expression.name !== "other") return undefined;
  if (expression.kind === "match") {
    const match = readMatch(decodeExtension(expression.bytes));
    return match && { ...rule, ...match };
  }
  return expression.kind === "counter" ? rule : undefined;
}

function compare(
  rule: FilterRule,
  { operation, data }: Extract<Expression, { name: "cmp" }>["data"],
  loaded: Field | undefined,
): FilterRule | undefined {
  const value = data?.value;
  const not = operation === NFT_CMP.NEQ;
  if (value === undefined || loaded === undefined || (not && loaded !== "oifname")) return undefined;
  // A value without the final NUL is a prefix of names.
  if (loaded === "iifname" || loaded === "oifname") {
    const name = ifname.decode(value);
    if (!value.includes(0)) return undefined;
    return loaded === "iifname" ? { ...rule, inLink: name } : { ...rule, outLink: { name, not } };
  }
  const isSource = loaded === ADDRESS_FIELD[4].source || loaded === ADDRESS_FIELD[6].source;
  const address = decodeAddress(value);
  return isSource ? { ...rule, source: address } : { ...rule, destination: address };
}

function readTarget(expression: Expression): string | undefined {
  if (expression.name === "immediate") {
    const { code, chain } = expression.data.data?.verdict ?? {};
    return chain ?? VERDICTS.get(code ?? NaN);
  }
  if (expression.name !== "other") return undefined;
  if (expression.kind === "reject") return "REJECT";
  return expression.kind === "target" ? decodeExtension(expression.bytes).name : undefined;
}

const VERDICTS: ReadonlyMap<number, string> = new Map([
  [NF.DROP, "DROP"],
  [NF.ACCEPT, "ACCEPT"],
  [NFT.RETURN, "RETURN"],
]);
