import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Family } from "../../src/ip/address.ts";
import { findDroppingChains, findForwardRefusal, listDroppingChains } from "../../src/netfilter/forward-refusal.ts";
import type { FilterChain } from "../../src/netfilter/iptables/filter-rule.ts";
import { addChain, type Chain, NF_BR, NF_INET } from "../../src/netfilter/nftables/chain.ts";
import { NF } from "../../src/netfilter/nftables/data.ts";
import type { Expression } from "../../src/netfilter/nftables/expression.ts";
import { matchProtocol } from "../../src/netfilter/nftables/match.ts";
import { addRule } from "../../src/netfilter/nftables/rule.ts";
import { ACCEPT, DROP, jump, RETURN } from "../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { IPTABLES_FILTER } from "../../src/netfilter/tables.ts";
import { NFPROTO } from "../../src/netlink/nfnetlink.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";

/** The chains of each family's table filter of iptables-legacy. A family that is missing has no table. */
let legacy: Map<Family, ReadonlyMap<string, FilterChain>>;

vi.mock("../../src/netfilter/iptables/legacy-table.ts", () => ({
  readLegacyTable: (family: Family, name: string) => (name === "filter" && legacy.has(family) ? { family } : undefined),
}));
vi.mock("../../src/netfilter/iptables/legacy-filter.ts", () => ({
  decodeLegacyFilter: (family: Family, table: { family: Family }) =>
    family === table.family ? legacy.get(family) : undefined,
}));

let netlink: Nfnetlink;

beforeEach(() => {
  legacy = new Map();
  netlink = new FakeKernel().openNetfilter();
});

const other = (kind: string): Expression => ({ name: "other", kind, bytes: new Uint8Array() });
const [COUNTER, LOG, REJECT] = [other("counter"), other("log"), other("reject")];

interface Place {
  readonly family: number;
  readonly table: string;
  readonly name: string;
}

/** Adds a base chain with rules. */
function arrange({ family, table, name }: Place, rules: readonly (readonly Expression[])[], base: Partial<Chain> = {}) {
  const hook = { number: NF_INET.FORWARD, priority: 0 };
  const changes = [
    addTable({ family, name: table }),
    addChain({ family, table, name: "more" }),
    addChain({ family, table, name, type: "filter", hook, policy: NF.ACCEPT, ...base }),
    ...rules.map((expressions) => addRule({ family, table, chain: name, label: "rule", expressions })),
  ];
  applyTransaction(netlink, changes, { action: "arrange" });
}

const FORWARD = { 4: { ...IPTABLES_FILTER[4], name: "FORWARD" }, 6: { ...IPTABLES_FILTER[6], name: "FORWARD" } };

/** Gives one variant of iptables a chain FORWARD whose rules have these targets. */
function arrangeForward(
  { variant, family }: { variant: "nft" | "legacy"; family: Family },
  policy: "ACCEPT" | "DROP",
  targets: readonly ("ACCEPT" | "DROP" | "REJECT")[] = [],
): void {
  const expressions = { ACCEPT, DROP, REJECT };
  const rules = targets.map((target) => [...matchProtocol(6), expressions[target]]);
  if (variant === "nft") arrange(FORWARD[family], rules, { policy: NF[policy] });
  else
    legacy.set(
      family,
      new Map([["FORWARD", { policy, rules: () => targets.map((target) => ({ text: "", target })) }]]),
    );
}

describe.each([
  { variant: "nft", family: 4, name: "iptables-nft" },
  { variant: "nft", family: 6, name: "ip6tables-nft" },
  { variant: "legacy", family: 4, name: "iptables-legacy" },
  { variant: "legacy", family: 6, name: "ip6tables-legacy" },
] as const)("findForwardRefusal() of $name", ({ name, ...table }) => {
  test("names the policy, or else the first rule that drops or rejects", () => {
    expect(findForwardRefusal(netlink, table)).toBeUndefined();
    arrangeForward(table, "DROP", ["REJECT"]);
    expect(findForwardRefusal(netlink, table)).toBe(`chain FORWARD of ${name} has policy DROP`);
  });

  test.each([
    { targets: [] },
    { targets: ["ACCEPT", "ACCEPT"] },
    { targets: ["ACCEPT", "DROP", "REJECT"], refusing: "DROP" },
    { targets: ["ACCEPT", "REJECT", "DROP"], refusing: "REJECT" },
  ] as const)("finds with policy ACCEPT and rules $targets: $refusing", ({ targets, refusing = undefined }) => {
    arrangeForward(table, "ACCEPT", targets);
    expect(findForwardRefusal(netlink, table)).toBe(
      refusing && `chain FORWARD of ${name} has a rule with target ${refusing}`,
    );
  });

  test("does not take another table's or another family's chain for it", () => {
    const { variant, family } = table;
    arrangeForward({ variant, family: family === 4 ? 6 : 4 }, "DROP");
    arrangeForward({ variant: variant === "nft" ? "legacy" : "nft", family }, "DROP");
    expect(findForwardRefusal(netlink, table)).toBeUndefined();
  });
});

test("findForwardRefusal() reads iptables-legacy alone without a socket", () => {
  arrangeForward({ variant: "nft", family: 4 }, "DROP");
  arrangeForward({ variant: "legacy", family: 4 }, "DROP");
  const find = (variant: "nft" | "legacy") => findForwardRefusal(undefined, { family: 4, variant });
  expect([find("nft"), find("legacy")]).toEqual([undefined, "chain FORWARD of iptables-legacy has policy DROP"]);
});

const MINE = { family: NFPROTO.INET, table: "mine", name: "forward" };
const POLICY = { policy: NF.DROP };

describe("findDroppingChains()", () => {
  test.each([
    { title: "policy drop", rules: [[ACCEPT]], base: POLICY, how: "has policy drop" },
    ...[[DROP], [COUNTER, DROP], [LOG, COUNTER, DROP], [REJECT], [LOG, REJECT]].map((rule) => ({
      title: `rule ${rule.map((each) => (each.name === "other" ? each.kind : each.name))}`,
      rules: [[...matchProtocol(6), ACCEPT], rule],
      base: {},
      how: "drops what it does not accept",
    })),
  ])("finds a chain by its $title", ({ rules, base, how }) => {
    arrange(MINE, rules, base);
    expect(findDroppingChains(netlink)).toEqual([{ chain: { table: "inet mine", name: "forward" }, key: MINE, how }]);
  });

  test.each<{
    title: string;
    place?: Partial<Place>;
    rules?: readonly (readonly Expression[])[];
    base?: Partial<Chain>;
  }>([
    { title: "without rules" },
    {
      title: "that drops some packets",
      rules: [
        [...matchProtocol(6), DROP],
        [COUNTER, ...matchProtocol(6), REJECT],
      ],
    },
    { title: "that accepts, returns or jumps", rules: [[ACCEPT], [COUNTER, RETURN], [jump("more")]] },
    { title: "whose rule has no verdict", rules: [[COUNTER, LOG], []] },
    {
      title: "whose rule only loads a value",
      rules: [[{ name: "immediate", data: { dreg: 1, data: { value: new Uint8Array(4) } } }]],
    },
    { title: "of another hook", base: { ...POLICY, hook: { number: NF_INET.LOCAL_IN, priority: 0 } } },
    {
      title: "of family bridge",
      place: { family: NFPROTO.BRIDGE },
      base: { ...POLICY, hook: { number: NF_BR.FORWARD, priority: 0 } },
    },
    { title: "of iptables-nft", place: FORWARD[4], base: POLICY },
    { title: "of ip6tables-nft", place: FORWARD[6], base: POLICY },
    { title: "of firewalld", place: { table: "firewalld" }, base: POLICY },
    { title: "of these plugins", place: { table: "cni_firewall" }, base: POLICY },
  ])("leaves out a chain $title", ({ place, rules = [], base }) => {
    arrange({ ...MINE, ...place }, rules, base);
    expect(findDroppingChains(netlink)).toEqual([]);
  });

  test.each([
    { table: "filter", name: "FORWARD" },
    { family: NFPROTO.IPV4, table: "filter", name: "forward" },
    { family: NFPROTO.IPV4, table: "mine", name: "FORWARD" },
    { table: "my_cni_table" },
  ])("does not take $table for a table of iptables or of these plugins", (place) => {
    arrange({ ...MINE, ...place }, [], POLICY);
    expect(findDroppingChains(netlink)).toHaveLength(1);
  });
});

test("listDroppingChains() names each chain and its table as nft does", () => {
  arrange(MINE, [[DROP]]);
  arrange({ ...MINE, family: NFPROTO.IPV4, name: "first" }, [], POLICY);
  arrange({ ...MINE, family: NFPROTO.IPV6, table: "ours" }, [], POLICY);
  expect(listDroppingChains(netlink)).toEqual([
    "chain forward of nftables table inet mine drops what it does not accept",
    "chain first of nftables table ip mine has policy drop",
    "chain forward of nftables table ip6 ours has policy drop",
  ]);
});
