import { expect, test } from "vitest";
import { decodeChain, encodeChain } from "../../../src/netfilter/nftables/chain.ts";
import { missingOf, type RuleSet } from "../../../src/netfilter/nftables/rule-set.ts";
import { decodeSet } from "../../../src/netfilter/nftables/set.ts";
import { ACCEPT, jump } from "../../../src/netfilter/nftables/statement.ts";
import { NetlinkError } from "../../../src/netlink/acknowledgement.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { ERRNO } from "../../../src/platform/errno.ts";
import { fakeNetlink } from "../kernel.ts";

const NFT_MSG = { GETCHAIN: 0xa04, GETSET: 0xa0a } as const;
const place = { family: 1, table: "t" };
const base = { type: "filter", hook: { number: 2, priority: 0 } } as const;

/** A table whose rules have changed: the chain that they are in is not called "first" any more. */
const rules: RuleSet = {
  table: { family: 1, name: "t", flags: 0 },
  sets: [{ ...place, name: "own", keyType: 7, keyLength: 4, id: 1 }],
  chains: [
    { name: "operator", rules: () => [] },
    { name: "entry", base, follows: "second", rules: () => [{ label: "jump second", expressions: [jump("second")] }] },
    { name: "second", rules: () => [{ label: "accept", expressions: [ACCEPT] }] },
    { name: "beside", with: "second", rules: () => [{ label: "accept", expressions: [ACCEPT] }] },
  ],
  former: { chains: ["first"], sets: ["old"] },
};

/** A kernel with these chains, all of which are used, and sets; it notes what it is asked. */
function kernel(chains: readonly string[], sets: readonly string[] = []): { netlink: Nfnetlink; asked: string[] } {
  const asked: string[] = [];
  const netlink = fakeNetlink({
    request: ({ type, payload, action }) => {
      asked.push(action);
      const { name = "" } = type === NFT_MSG.GETSET ? decodeSet(payload) : decodeChain(payload);
      const isThere = type === NFT_MSG.GETCHAIN ? chains.includes(name) : sets.includes(name);
      if (!isThere) throw new NetlinkError(action, { errno: ERRNO.ENOENT });
      return [{ type: 0xa03, flags: 0, sequence: 1, port: 0, payload: encodeChain({ ...place, name, use: 1 }) }];
    },
  });
  return { netlink, asked };
}

const actions = (chains: readonly string[], sets?: readonly string[]) =>
  missingOf(kernel(chains, sets).netlink, rules).map(({ action }) => action);

test("missingOf is nothing where all is there, and asks after each chain that is not with another", () => {
  const { netlink, asked } = kernel(["operator", "entry", "second", "beside"]);
  expect(missingOf(netlink, rules)).toEqual([]);
  expect(asked).toEqual(["operator", "entry", "second"].map((name) => `find nftables chain ${name} in table t`));
});

test("missingOf has an earlier version's rules replaced, what it had besides deleted, and the operator's left alone", () => {
  expect(actions(["operator", "entry", "first"], ["old"])).toEqual([
    "add nftables table t",
    ...["entry", "second", "beside"].map((name) => `add nftables chain ${name} to table t`),
    "add nftables set own to table t",
    "flush nftables chain entry of table t",
    'add rule "jump second" to nftables chain entry of table t',
    "flush nftables chain second of table t",
    'add rule "accept" to nftables chain second of table t',
    "flush nftables chain beside of table t",
    'add rule "accept" to nftables chain beside of table t',
    "delete nftables chain first from table t",
    "delete nftables set old from table t",
  ]);
});

test("missingOf makes all chains where there is none, and deletes nothing of an earlier version", () => {
  const made = actions([]).filter((action) => /^(delete|add nftables chain)/.test(action));
  expect(made).toEqual(rules.chains.map(({ name }) => `add nftables chain ${name} to table t`));
});

test("missingOf looks for nothing of an earlier version where a rule set names none", () => {
  const { netlink, asked } = kernel([]);
  const { former: _, ...withoutFormer } = rules;
  missingOf(netlink, withoutFormer);
  expect(asked).toHaveLength(3);
});

test("missingOf makes a missing chain that is no base chain alone, without the sets", () => {
  expect(actions(["entry", "second", "beside", "first"], ["old"])).toEqual([
    "add nftables table t",
    "add nftables chain operator to table t",
    "flush nftables chain operator of table t",
  ]);
});

test("missingOf makes a base chain anew that somebody has emptied, and what is beside it not", () => {
  expect(actions(["operator", "second", "beside"]).filter((action) => action.startsWith("add rule"))).toEqual([
    'add rule "jump second" to nftables chain entry of table t',
  ]);
});
