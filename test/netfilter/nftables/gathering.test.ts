import { beforeEach, expect, test } from "vitest";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { Gathering } from "../../../src/netfilter/nftables/gathering.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction, checkTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { verifyMasquerade } from "../../../src/steps/masquerade/check.ts";
import { addMasquerade } from "../../../src/steps/masquerade/elements.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { prefix } from "../../netlink/text.ts";
import { watchTransactions } from "../kernel.ts";

const one = { owner: { network: "net1", ifname: "eth0", containerId: "one" }, prefixes: [prefix("10.88.0.2/16")] };
const two = { owner: { ...one.owner, containerId: "two" }, prefixes: [prefix("10.88.0.3/16")] };

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
});

function gathered(...wanted: readonly (typeof one)[]): Gathering {
  const gathering = new Gathering();
  for (const each of wanted) addMasquerade(gathering.through(netlink), each);
  return gathering;
}

test("Gathering holds transactions back, and applies them as one", () => {
  const before = kernel.snapshot();
  const gathering = gathered(one, two);
  expect([kernel.snapshot(), gathering.isEmpty]).toEqual([before, false]);
  gathering.apply(netlink);
  const after = kernel.snapshot();
  expect([one, two].flatMap((each) => verifyMasquerade(netlink, each))).toEqual([]);
  kernel = new FakeKernel();
  for (const each of [one, two]) addMasquerade(kernel.openNetfilter(), each);
  expect(after).toEqual(kernel.snapshot());
});

test("Gathering applies nothing of a table if one of its changes is refused", () => {
  const gathering = gathered(one, { ...two, prefixes: one.prefixes });
  const before = kernel.snapshot();
  expect(() => gathering.apply(netlink)).toThrow(/File exists|EEXIST/);
  expect(kernel.snapshot()).toEqual(before);
});

test("Gathering that holds nothing back is empty, and asks the kernel what is no transaction", () => {
  const gathering = new Gathering();
  expect(verifyMasquerade(gathering.through(netlink), one)).not.toEqual([]);
  expect(gathering.isEmpty).toBe(true);
});

test("Gathering applies the changes of each table as one transaction, and names the table", () => {
  const gathering = new Gathering();
  const through = gathering.through(netlink);
  const add = (family: number, name: string) => [
    addTable({ family, name, flags: 0 }),
    addChain({ family, table: name, name: "chain" }),
  ];
  const tables = [add(1, "one"), add(1, "two"), add(7, "one"), add(1, "one")];
  for (const changes of tables) applyTransaction(through, changes, { action: "add it" });
  const from = kernel.requests;
  const { watched, actions } = watchTransactions(netlink);
  gathering.apply(watched);
  expect(actions).toEqual(
    ["one of family 1", "two of family 1", "one of family 7"].map((table) => `rebuild nftables table ${table}`),
  );
  expect(kernel.log.slice(from)).toEqual(
    ["one", "two", "one"].map((name) => `host: add nftables table ${name}; add nftables chain chain to table ${name}`),
  );
});

test("Gathering lets the kernel check changes at once, and holds nothing back of them", () => {
  const gathering = new Gathering();
  checkTransaction(gathering.through(netlink), [addTable({ family: 1, name: "one", flags: 0 })], { action: "check" });
  expect([kernel.log.at(-1), gathering.isEmpty]).toEqual(["host: add nftables table one", true]);
});

test("Gathering replaces what is there", () => {
  addMasquerade(netlink, one);
  const before = kernel.snapshot();
  gathered(one, two).apply(netlink);
  expect([one, two].flatMap((each) => verifyMasquerade(netlink, each))).toEqual([]);
  gathered(one).apply(netlink);
  kernel = new FakeKernel();
  addMasquerade(kernel.openNetfilter(), one);
  expect(before).toEqual(kernel.snapshot());
});
