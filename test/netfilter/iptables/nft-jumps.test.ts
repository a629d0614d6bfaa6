import { beforeEach, expect, test } from "vitest";
import {
  type JumpSelection,
  selectOutdatedJumps,
  selectOwnChain,
  selectOwnJumps,
} from "../../../src/netfilter/iptables/jump.ts";
import { chainName, referenceChainName, ruleComment } from "../../../src/netfilter/iptables/name.ts";
import { countNftRules, deleteNftJumps, hasNftRules } from "../../../src/netfilter/iptables/nft-table.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { matchSource } from "../../../src/netfilter/nftables/match.ts";
import { addRule } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT, jump } from "../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { currentAddresses } from "../../../src/netfilter/outdated.ts";
import { IPTABLES_NAT } from "../../../src/netfilter/tables.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address, prefix } from "../../netlink/text.ts";

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
