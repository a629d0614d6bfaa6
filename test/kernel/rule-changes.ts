import { type Chain, decodeChain } from "../../src/netfilter/nftables/chain.ts";
import { NF } from "../../src/netfilter/nftables/data.ts";
import type { Expression } from "../../src/netfilter/nftables/expression.ts";
import { NFT_MSG } from "../../src/netfilter/nftables/message.ts";
import { decodeRule } from "../../src/netfilter/nftables/rule.ts";
import { decodeTable } from "../../src/netfilter/nftables/table.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { NLM_F } from "../../src/netlink/message.ts";
import { NFPROTO } from "../../src/netlink/nfnetlink.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import type { Features } from "./machine.ts";
import { Refusal } from "./refusal.ts";
import {
  countJumps,
  type FakeTable,
  findFakeChain,
  findFakeSet,
  getChain,
  getTable,
  type Rules,
  targetOf,
} from "./rules.ts";
import { addElements, addSet, deleteElements, deleteSet } from "./set-changes.ts";

/** What makes one kind of change. Returns whether something is another now. */
type Change = (rules: Rules, request: NetlinkRequest, features: Features) => boolean;

const CHANGES: Readonly<Record<number, Change>> = {
  [NFT_MSG.NEWTABLE]: addTable,
  [NFT_MSG.DELTABLE]: deleteTable,
  [NFT_MSG.NEWCHAIN]: addChain,
  [NFT_MSG.DELCHAIN]: deleteChain,
  [NFT_MSG.NEWRULE]: addRule,
  [NFT_MSG.DELRULE]: deleteRules,
  [NFT_MSG.NEWSET]: addSet,
  [NFT_MSG.DELSET]: deleteSet,
  [NFT_MSG.NEWSETELEM]: addElements,
  [NFT_MSG.DELSETELEM]: deleteElements,
};

/** Makes one change of a transaction; returns whether something is another now. @throws Refusal */
export function applyChange(rules: Rules, request: NetlinkRequest, features: Features): boolean {
  const change = CHANGES[request.type & 0xff];
  if (change === undefined) throw new Refusal(ERRNO.EINVAL);
  return change(rules, request, features);
}

function addTable(rules: Rules, { payload, flags }: NetlinkRequest, { bridgeRules }: Features): boolean {
  const { family, name, ...rest } = decodeTable(payload);
  if (family === NFPROTO.BRIDGE && !bridgeRules) throw new Refusal(ERRNO.EOPNOTSUPP);
  if (name === undefined) throw new Refusal(ERRNO.EINVAL);
  if (rules.find(family, name) !== undefined) return refuseExclusive(flags);
  rules.lastHandle++;
  const table = { family, name, handle: rules.lastHandle, described: { family, name, ...rest }, chains: [], sets: [] };
  rules.tables = [...rules.tables, { ...table, lastHandle: 0n }];
  return true;
}

function deleteTable(rules: Rules, { payload }: NetlinkRequest): boolean {
  const { family, name } = decodeTable(payload);
  const table = getTable(rules, { family, table: name });
  rules.tables = rules.tables.filter((each) => each !== table);
  return true;
}

function addChain(rules: Rules, { payload, flags }: NetlinkRequest, { translation }: Features): boolean {
  const { id: _, ...described } = decodeChain(payload);
  const table = getTable(rules, described);
  const { name, hook, type } = described;
  if (name === undefined) throw new Refusal(ERRNO.EINVAL);
  const found = findFakeChain(table, name);
  if (found !== undefined) {
    if (hook !== undefined && found.described.hook === undefined) throw new Refusal(ERRNO.EEXIST);
    if (hook !== undefined && !isSameBase(found.described, described)) throw new Refusal(ERRNO.EOPNOTSUPP);
    return refuseExclusive(flags);
  }
  const types = ["filter", "route", ...(translation ? ["nat"] : [])];
  if (hook !== undefined && !types.includes(type ?? "filter")) throw new Refusal(ERRNO.ENOENT);
  const base = hook === undefined ? {} : { policy: NF.ACCEPT, type: type ?? "filter", flags: 1 };
  const chain = { handle: nextHandle(table), described: { ...base, ...described, name }, rules: [] };
  table.chains = [...table.chains, chain];
  return true;
}

function deleteChain(rules: Rules, { payload }: NetlinkRequest): boolean {
  const described = decodeChain(payload);
  const table = getTable(rules, described);
  const chain = getChain(table, described.name);
  chain.rules = [];
  if (countJumps(table, chain.described.name) > 0) throw new Refusal(ERRNO.EBUSY);
  table.chains = table.chains.filter((each) => each !== chain);
  return true;
}

function addRule(rules: Rules, { payload, flags }: NetlinkRequest, { missingExpressions }: Features): boolean {
  const { expressions = [], userdata, ...place } = decodeRule(payload);
  const table = getTable(rules, place);
  const chain = getChain(table, place.chain);
  for (const expression of expressions) checkExpression(table, expression, missingExpressions);
  const rule = { handle: nextHandle(table), expressions: expressions.map(withoutId), userdata };
  chain.rules = (flags & NLM_F.APPEND) === 0 ? [rule, ...chain.rules] : [...chain.rules, rule];
  return true;
}

/** One rule by its handle, else all of a chain, else all of the table. */
function deleteRules(rules: Rules, { payload }: NetlinkRequest): boolean {
  const { handle, ...place } = decodeRule(payload);
  const table = getTable(rules, place);
  if (place.chain === undefined) {
    for (const chain of table.chains) chain.rules = [];
    return true;
  }
  const chain = getChain(table, place.chain);
  const left = handle === undefined ? [] : chain.rules.filter((rule) => rule.handle !== handle);
  if (handle !== undefined && left.length === chain.rules.length) throw new Refusal(ERRNO.ENOENT);
  const isChanged = left.length < chain.rules.length;
  chain.rules = left;
  return isChanged;
}

function checkExpression(table: FakeTable, expression: Expression, missing: ReadonlySet<string>): void {
  const kind = expression.name === "other" ? expression.kind : expression.name;
  if (missing.has(kind)) throw new Refusal(ERRNO.ENOENT);
  if (expression.name === "lookup" && findFakeSet(table, expression.data.set) === undefined) {
    throw new Refusal(ERRNO.ENOENT);
  }
  for (const name of targetOf(expression)) {
    const chain = findFakeChain(table, name);
    if (chain === undefined) throw new Refusal(ERRNO.ENOENT);
    if (chain.described.hook !== undefined) throw new Refusal(ERRNO.EOPNOTSUPP);
  }
}

/** What names a set inside a transaction is not kept. */
function withoutId(expression: Expression): Expression {
  if (expression.name !== "lookup") return expression;
  const { setId: _, ...data } = expression.data;
  return { name: "lookup", data };
}

function isSameBase(a: Chain, b: Chain): boolean {
  const isSameHook = a.hook?.number === b.hook?.number && a.hook?.priority === b.hook?.priority;
  return isSameHook && a.type === (b.type ?? "filter");
}

function refuseExclusive(flags: number): false {
  if ((flags & NLM_F.EXCL) !== 0) throw new Refusal(ERRNO.EEXIST);
  return false;
}

function nextHandle(table: FakeTable): bigint {
  table.lastHandle++;
  return table.lastHandle;
}
