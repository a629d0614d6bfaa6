import type { Chain } from "../../src/netfilter/nftables/chain.ts";
import { NFT } from "../../src/netfilter/nftables/data.ts";
import type { Element } from "../../src/netfilter/nftables/element.ts";
import type { Expression } from "../../src/netfilter/nftables/expression.ts";
import type { NamedSet } from "../../src/netfilter/nftables/set.ts";
import type { Table } from "../../src/netfilter/nftables/table.ts";
import type { Userdatum } from "../../src/netfilter/nftables/userdata.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { Refusal } from "./refusal.ts";

/** A rule of a chain. */
export interface FakeRule {
  readonly handle: bigint;
  readonly expressions: readonly Expression[];
  readonly userdata: readonly Userdatum[] | undefined;
}

/** A chain; with `hook` a base chain. */
export interface FakeChain {
  readonly handle: bigint;
  readonly described: Chain & { readonly name: string };
  rules: readonly FakeRule[];
}

/** A set or a map. */
export interface FakeSet {
  readonly handle: bigint;
  readonly described: NamedSet & { readonly name: string };
  elements: readonly Element[];
}

/** A table with all that is in it. */
export interface FakeTable {
  readonly family: number;
  readonly name: string;
  readonly handle: bigint;
  readonly described: Table;
  chains: readonly FakeChain[];
  sets: readonly FakeSet[];
  lastHandle: bigint;
}

/** The rule set of nf_tables in one namespace. */
export class Rules {
  /** Another one after each transaction that changed something. */
  generation = 1;
  tables: readonly FakeTable[] = [];
  lastHandle = 0n;

  /** The same, to be changed by a transaction that may fail. */
  copy(): Rules {
    const copy = new Rules();
    copy.generation = this.generation;
    copy.lastHandle = this.lastHandle;
    copy.tables = this.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) => ({ ...chain })),
      sets: table.sets.map((set) => ({ ...set })),
    }));
    return copy;
  }

  find(family: number, name: string | undefined): FakeTable | undefined {
    return this.tables.find((table) => table.family === family && table.name === name);
  }
}

export function findFakeChain(table: FakeTable, name: string | undefined): FakeChain | undefined {
  return table.chains.find(({ described }) => described.name === name);
}

export function findFakeSet(table: FakeTable, name: string | undefined): FakeSet | undefined {
  return table.sets.find(({ described }) => described.name === name);
}

/** The table of that name. @throws Refusal ENOENT */
export function getTable(rules: Rules, { family, table }: { family: number; table?: string | undefined }): FakeTable {
  return rules.find(family, table) ?? refuseMissing();
}

/** The chain of that name. @throws Refusal ENOENT */
export function getChain(table: FakeTable, name: string | undefined): FakeChain {
  return findFakeChain(table, name) ?? refuseMissing();
}

/** The set or map of that name. @throws Refusal ENOENT */
export function getSet(table: FakeTable, name: string | undefined): FakeSet {
  return findFakeSet(table, name) ?? refuseMissing();
}

/** How often something goes to a chain, from rules and from elements. */
export function countJumps(table: FakeTable, chain: string): number {
  const rules = table.chains.flatMap((each) => each.rules).flatMap(({ expressions }) => expressions.flatMap(targetOf));
  const elements = table.sets.flatMap((each) => each.elements).flatMap(({ data }) => targetOfVerdict(data?.verdict));
  return [...rules, ...elements].filter((name) => name === chain).length;
}

/** Whether a rule looks a set up. */
export function isLookedUp(table: FakeTable, set: string): boolean {
  return table.chains.some(({ rules }) =>
    rules.some(({ expressions }) => expressions.some((each) => each.name === "lookup" && each.data.set === set)),
  );
}

/** The chain that an expression goes to. */
export function targetOf(expression: Expression): readonly string[] {
  return expression.name === "immediate" ? targetOfVerdict(expression.data.data?.verdict) : [];
}

/** The chain that a verdict goes to. */
export function targetOfVerdict(verdict: NonNullable<Element["data"]>["verdict"]): readonly string[] {
  const isJump = verdict?.code === NFT.JUMP || verdict?.code === NFT.GOTO;
  return isJump && verdict.chain !== undefined ? [verdict.chain] : [];
}

function refuseMissing(): never {
  throw new Refusal(ERRNO.ENOENT);
}
