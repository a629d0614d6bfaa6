import { beforeEach, describe, expect, test } from "vitest";
import { encodeAddress } from "../../../src/ip/address.ts";
import {
  type JumpSelection,
  selectOutdatedJumps,
  selectOwnChain,
  selectOwnJumps,
} from "../../../src/netfilter/iptables/jump.ts";
import { chainName, referenceChainName, ruleComment } from "../../../src/netfilter/iptables/name.ts";
import {
  countNftRules,
  deleteNftJumps,
  hasNftRules,
  listNftJumps,
  readJump,
} from "../../../src/netfilter/iptables/nft-table.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { NFT_CMP } from "../../../src/netfilter/nftables/expression/cmp.ts";
import { NFT_PAYLOAD } from "../../../src/netfilter/nftables/expression/payload.ts";
import type { Expression } from "../../../src/netfilter/nftables/expression.ts";
import { load } from "../../../src/netfilter/nftables/field.ts";
import { match, matchSource } from "../../../src/netfilter/nftables/match.ts";
import { addRule, decodeRule } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT, goTo, jump } from "../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { currentAddresses } from "../../../src/netfilter/outdated.ts";
import { IPTABLES_NAT } from "../../../src/netfilter/tables.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { raw, text } from "../../../src/netlink/codec.ts";
import { encodeFields } from "../../../src/netlink/fields.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address, prefix } from "../../netlink/text.ts";
import { payloads } from "../captured.ts";
import { watchTransactions } from "../kernel.ts";

const ADDRESS = "10.88.0.2";
const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const other = { ...owner, containerId: "c2" };
const [own, foreign] = [chainName(owner), chainName(other)];
const NAT = IPTABLES_NAT[4];

let kernel: FakeKernel;
let netlink: Nfnetlink;

const arrange = (...changes: readonly NetlinkRequest[]) => applyTransaction(netlink, changes, { action: "arrange" });
const chain = (name: string) => addChain({ ...NAT, name });
const rule = (name: string) => addRule({ ...NAT, chain: name, label: "accept", expressions: [ACCEPT] });
const jumpTo = (to: string, { from = "POSTROUTING", of = owner } = {}) =>
  addRule({
    ...{ ...NAT, chain: from, label: "jump", expressions: [jump(to)] },
    userdata: commented("rule", ruleComment(of)),
  });

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
  arrange(addTable({ family: NAT.family, name: NAT.table, flags: 0 }), chain("POSTROUTING"), chain("PREROUTING"));
  arrange(chain(own), rule(own), rule(own), chain(foreign), rule(foreign));
  arrange(jumpTo(own), jumpTo(own), jumpTo(foreign, { of: other }));
});

/** Each chain, and how many rules it has. */
function counts(): Readonly<Record<string, number>> {
  const names = ["POSTROUTING", "PREROUTING", own, foreign];
  const chains = kernel.host.rules.find(NAT.family, NAT.table)?.chains.map(({ described }) => described.name) ?? [];
  const of = (name: string) => countNftRules(netlink, 4, { table: NAT.table, chain: name, text: "" });
  return Object.fromEntries(names.filter((name) => chains.includes(name)).map((name) => [name, of(name)]));
}

test("deleteNftJumps() deletes an attachment's jumps, and its chain with its rules", () => {
  deleteNftJumps(netlink, 4, selectOwnChain(owner));
  expect(counts()).toEqual({ POSTROUTING: 1, PREROUTING: 0, [foreign]: 1 });
});

test("deleteNftJumps() leaves a chain that a rule elsewhere jumps to", () => {
  arrange(jumpTo(own, { from: "PREROUTING" }));
  deleteNftJumps(netlink, 4, selectOwnChain(owner));
  expect(counts()).toEqual({ POSTROUTING: 1, PREROUTING: 1, [own]: 2, [foreign]: 1 });
  arrange(jumpTo(foreign), jumpTo(foreign));
  deleteNftJumps(netlink, 4, { ...selectOwnChain(owner), chains: [own, foreign], selects: () => true });
  expect(counts()).toEqual({ POSTROUTING: 0, PREROUTING: 1, [own]: 2 });
});

test("deleteNftJumps() finds jumps whose chains are not known in advance", () => {
  const selection: JumpSelection = { ...selectOwnChain(other), chains: undefined };
  deleteNftJumps(netlink, 4, selection);
  expect(counts()).toEqual({ POSTROUTING: 2, PREROUTING: 0, [own]: 2 });
});

test("deleteNftJumps() deletes this project's jumps from addresses that an attachment no longer has", () => {
  const from = (text: string, to: string) =>
    addRule({
      ...{ ...NAT, chain: "POSTROUTING", label: "jump", userdata: commented("rule", ruleComment(owner)) },
      expressions: [...matchSource(prefix(`${text}/32`)), jump(to)],
    });
  const shared = referenceChainName(owner);
  arrange(chain(shared), from("10.88.0.2", own), from("10.88.0.9", own), from("10.88.0.2", shared));
  const select = (...addresses: readonly string[]) =>
    selectOutdatedJumps("net1", currentAddresses("net1", [{ ...owner, addresses: addresses.map(address) }, other]));
  deleteNftJumps(netlink, 4, select("10.88.0.9", "10.88.0.2"));
  expect(counts()).toMatchObject({ POSTROUTING: 6 });
  deleteNftJumps(netlink, 4, select("10.88.0.9"));
  // Without a source, a jump is left.
  expect(counts()).toMatchObject({ POSTROUTING: 5, [own]: 2, [foreign]: 1 });
});

test("deleteNftJumps() asks only for its chains where none is there, and deletes one without a jump", () => {
  const before = kernel.requests;
  deleteNftJumps(netlink, 4, selectOwnJumps({ ...owner, containerId: "c9" }, undefined));
  expect(kernel.log.slice(before).filter((line) => line.includes("rules"))).toEqual([]);
  deleteNftJumps(netlink, 4, selectOwnChain(owner));
  arrange(chain(own), rule(own));
  deleteNftJumps(netlink, 4, selectOwnChain(owner));
  expect(counts()).toEqual({ POSTROUTING: 1, PREROUTING: 0, [foreign]: 1 });
});

test("deleteNftJumps() throws what the kernel refused, and has changed nothing", () => {
  kernel.refuse(1, 1);
  expect(() => deleteNftJumps(netlink, 4, selectOwnChain(owner))).toThrow("Operation not permitted");
  expect(counts()).toEqual({ POSTROUTING: 3, PREROUTING: 0, [own]: 2, [foreign]: 1 });
});

test("deleteNftJumps() names the owner where the kernel refuses all of its changes", () => {
  const { watched, actions } = watchTransactions(netlink);
  deleteNftJumps(watched, 4, selectOwnChain(owner));
  expect(actions).toEqual(["delete iptables rules of eth0 of container c1"]);
});

test("listNftJumps() lists the jumps in a chain with their owners, and no other rules", () => {
  arrange(rule("POSTROUTING"));
  const jumps = listNftJumps(netlink, 4, "POSTROUTING").map(({ chain: to, comment }) => [to, comment]);
  const [ours, theirs] = [ruleComment(owner), ruleComment(other)];
  expect(jumps).toEqual([
    [own, ours],
    [own, ours],
    [foreign, theirs],
  ]);
  expect(listNftJumps(netlink, 4, "CNI-none")).toEqual([]);
});

test("hasNftRules() tells a chain with rules from an empty and a missing one, and from the other family's", () => {
  expect([own, "PREROUTING", "CNI-none"].map((name) => hasNftRules(netlink, 4, name))).toEqual([true, false, false]);
  expect(hasNftRules(netlink, 6, own)).toBe(false);
  kernel.refuse(1, 1);
  expect(() => hasNftRules(netlink, 4, own)).toThrow("Operation not permitted");
});

test("countNftRules() counts the rules that contain a text", () => {
  const count = (text: string) => countNftRules(netlink, 4, { table: NAT.table, chain: "POSTROUTING", text });
  expect([ruleComment(owner), ruleComment(other), "nobody"].map(count)).toEqual([2, 1, 0]);
});

describe("readJump()", () => {
  test.each([
    ["iptables", 4, ADDRESS],
    ["ip6tables", 6, "fd00:88::2"],
  ] as const)("reads the rule that %s-nft makes of a jump", (name, family, source) => {
    const [payload = new Uint8Array()] = payloads(name, "received", "NEWRULE");
    expect(readJump(decodeRule(payload), family)).toEqual({
      chain: "CNI-aaaaaaaaaaaaaaaaaaaaaaaa",
      source: address(source),
      comment: 'name: "net1" id: "c1"',
    });
  });

  test("reads nothing from a rule that jumps nowhere", () => {
    const [payload = new Uint8Array()] = payloads("reference", "received", "NEWRULE");
    expect(readJump(decodeRule(payload), 4)).toBeUndefined();
    expect(readJump({ family: NAT.family, expressions: [goTo(own)] }, 4)).toBeUndefined();
    expect(readJump({ family: NAT.family }, 4)).toBeUndefined();
  });

  const value = encodeAddress(address(ADDRESS));
  const equal: Expression = { name: "cmp", data: { sreg: 1, operation: NFT_CMP.EQ, data: { value } } };
  const differs: Expression = { name: "cmp", data: { sreg: 1, operation: NFT_CMP.NEQ, data: { value } } };
  const loaded: Expression = { name: "immediate", data: { dreg: 1, data: { value } } };
  const frame: Expression = { name: "payload", data: { dreg: 1, base: NFT_PAYLOAD.LL_HEADER, offset: 12, length: 4 } };

  test.each<[string, readonly Expression[], string | undefined]>([
    ["a single address", match("ip saddr", value), ADDRESS],
    ["an address behind a destination", [...match("ip daddr", value), ...match("ip saddr", value)], ADDRESS],
    ["an address and a loaded value", [...match("ip saddr", value), loaded], ADDRESS],
    ["no address", [], undefined],
    ["every address but one", [...load(["ip saddr"]), differs], undefined],
    ["a prefix of whole bytes", matchSource(prefix(`${ADDRESS}/24`)), undefined],
    ["a prefix of other bits", matchSource(prefix(`${ADDRESS}/20`)), undefined],
    ["a destination", match("ip daddr", value), undefined],
    ["bytes of the frame", [frame, equal], undefined],
  ])("reads the source of a jump for %s", (_, expressions, source) => {
    const found = readJump({ family: NAT.family, expressions: [...expressions, jump(own)] }, 4);
    expect(found).toEqual({ chain: own, source: source === undefined ? undefined : address(source), comment: "" });
  });

  const fields = { name: [1, text], info: [3, raw] } as const;
  const xt = (kind: string, name: string, info = "tell me"): Expression => {
    return { name: "other", kind, bytes: encodeFields(fields, { name, info: text.encode(info) }) };
  };

  test.each<[string, readonly Expression[], string]>([
    ["that a match has, before that of the rule", [xt("match", "comment")], "tell me"],
    ["behind another match", [xt("match", "addrtype"), xt("match", "comment")], "tell me"],
    ["of the rule, if no match has one", [xt("match", "addrtype"), xt("dynset", "comment")], "the rule's"],
  ])("reads the comment %s", (_, matches, comment) => {
    const userdata = commented("rule", "the rule's");
    const found = readJump({ family: NAT.family, expressions: [...matches, jump(own)], userdata }, 4);
    expect(found).toEqual({ chain: own, source: undefined, comment });
  });
});
