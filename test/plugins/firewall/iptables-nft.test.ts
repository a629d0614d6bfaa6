import { beforeEach, expect, test } from "vitest";
import { deleteFilterRules, type FilterTable, missingFilterRules } from "../../../plugins/firewall/iptables.ts";
import { findNftChain } from "../../../src/netfilter/iptables/nft-filter.ts";
import { invocationFor } from "../../../src/netfilter/iptables/tool.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { addRule, decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { IPTABLES_FILTER } from "../../../src/netfilter/tables.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { payloads } from "../../netfilter/captured.ts";
import { address } from "../../netlink/text.ts";

const IP4: FilterTable = { family: 4, variant: "nft" };
const IP6: FilterTable = { family: 6, variant: "nft" };
const CAPTURES = { 4: "iptables-filter", 6: "ip6tables-filter" } as const;
const ADDRESSES = [address("10.88.0.2"), address("fd00:88::2")];
const invocation = invocationFor({
  environment: {},
  launch: () => {
    throw new Error("no command is needed");
  },
});

let netlink: Nfnetlink;

/** A kernel with the tables of iptables-nft as they were captured, with the rules of a container in each. */
beforeEach(() => {
  netlink = new FakeKernel().openNetfilter();
  for (const family of [4, 6] as const) {
    const place = IPTABLES_FILTER[family];
    const rules = payloads(CAPTURES[family], "received", "NEWRULE").map((payload) => decodeRule(payload));
    const chains = new Set([...rules.map(({ chain = "" }) => chain), "CNI-ADMIN"]);
    const changes = [
      addTable({ family: place.family, name: place.table, flags: 0 }),
      ...[...chains].map((name) => addChain({ ...place, name })),
      ...rules.map(({ handle: _, position: __, ...rule }) => addRule({ ...rule, ...place, label: "captured" })),
    ];
    applyTransaction(netlink, changes, { action: "arrange" });
  }
});

function textsIn({ family }: FilterTable, name = "CNI-FORWARD"): readonly (string | undefined)[] | undefined {
  return findNftChain(netlink, { family, name })
    ?.rules()
    .map(({ text }) => text);
}

const WANTED = { adminChain: "CNI-ADMIN", isolation: undefined };

test("deleteFilterRules() deletes the rules of these addresses from the family's chain, and no others", () => {
  const before = textsIn(IP6);
  expect(textsIn(IP4)).toHaveLength(5);
  deleteFilterRules({ netlink, invocation }, IP4, ADDRESSES);
  expect(textsIn(IP4)).toEqual([expect.stringContaining("-j CNI-ADMIN"), undefined, undefined]);
  expect(textsIn(IP6)).toEqual(before);
  deleteFilterRules({ netlink, invocation }, IP4, ADDRESSES);
  deleteFilterRules({ netlink, invocation }, IP6, [address("fd00:88::3"), address("10.88.0.2")]);
  expect(textsIn(IP6)).toEqual(before);
});

test("deleteFilterRules() leaves a table alone in whose family there is no address", () => {
  const empty = new FakeKernel();
  deleteFilterRules({ netlink: empty.openNetfilter(), invocation }, IP4, ADDRESSES.slice(1));
  expect(empty.requests).toBe(0);
});

test("missingFilterRules() names what the table lacks, each chain read once", () => {
  expect(missingFilterRules({ netlink, invocation }, IP4, { ...WANTED, addresses: ADDRESSES })).toEqual([]);
  expect(missingFilterRules({ netlink, invocation }, IP6, { ...WANTED, addresses: [address("fd00:88::3")] })).toEqual([
    "-A CNI-FORWARD -d fd00:88::3/128 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A CNI-FORWARD -s fd00:88::3/128 -j ACCEPT",
  ]);
  deleteFilterRules({ netlink, invocation }, IP4, ADDRESSES);
  expect(missingFilterRules({ netlink, invocation }, IP4, { ...WANTED, addresses: ADDRESSES })).toHaveLength(2);
  expect(
    missingFilterRules({ netlink, invocation }, IP4, { ...WANTED, adminChain: "OPS", addresses: ADDRESSES }),
  ).toEqual(expect.arrayContaining(["-N OPS", expect.stringMatching(/^-I CNI-FORWARD 1 .* -j OPS$/)]));
});

test("without nf_tables there is nothing to delete, and everything is missing", () => {
  deleteFilterRules({ netlink: undefined, invocation }, IP4, ADDRESSES);
  const missing = missingFilterRules({ netlink: undefined, invocation }, IP4, { ...WANTED, addresses: ADDRESSES });
  expect(missing.filter((line) => line.startsWith("-N "))).toEqual(["-N CNI-FORWARD", "-N CNI-ADMIN"]);
});
