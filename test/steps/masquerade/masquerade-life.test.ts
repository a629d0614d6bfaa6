import { beforeEach, expect, test } from "vitest";
import { formatAddress } from "../../../src/ip/address.ts";
import { currentAddresses } from "../../../src/netfilter/outdated.ts";
import { selectOwner, selectStale } from "../../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { verifyMasquerade } from "../../../src/steps/masquerade/check.ts";
import { addMasquerade, deleteOutdated, deleteSelected } from "../../../src/steps/masquerade/elements.ts";
import { arrangeNetfilter, failEach } from "../../kernel/failures.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address, prefix } from "../../netlink/text.ts";
import { findMasquerade } from "./find.ts";

const one = { network: "net1", ifname: "eth0", containerId: "one" };
const two = { ...one, containerId: "two" };
const wanted = { owner: one, prefixes: ["10.88.0.2/16", "fd00:88::2/64"].map(prefix) };
const keep = ["192.0.2.0/24", "fd77::/64"].map(prefix);

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
});

function chains(): readonly string[] {
  return kernel.host.rules.tables.flatMap((table) => table.chains).map(({ described }) => described.name);
}

test("addMasquerade() makes what verifyMasquerade() finds, with and without a list, and twice is once", () => {
  for (const each of [wanted, { ...wanted, owner: two, keep }]) {
    addMasquerade(netlink, each);
    expect(verifyMasquerade(netlink, each)).toEqual([]);
    const before = kernel.snapshot();
    addMasquerade(netlink, each);
    expect(kernel.snapshot()).toEqual(before);
  }
  expect(chains()).toHaveLength(5);
});

test("verifyMasquerade() names an address that is missing, in another subnet, or has another list", () => {
  addMasquerade(netlink, wanted);
  const ask = (prefixes: readonly string[], list = keep.slice(2)) =>
    verifyMasquerade(netlink, { owner: one, prefixes: prefixes.map(prefix), keep: list }).filter((each) =>
      each.startsWith("Address"),
    );
  expect(ask(["10.88.0.9/16"])).toEqual(["Address 10.88.0.9 is not masqueraded for this attachment"]);
  expect(ask(["10.88.0.2/24"])).toEqual([
    "Address 10.88.0.2 must be masqueraded outside 10.88.0.0/24, is outside 10.88.0.0/16",
  ]);
  expect(ask(["10.88.0.2/16"], keep)[0]).toMatch(
    /^Address 10\.88\.0\.2 must be masqueraded by chain to_.*_.*, is by to_10\.88\.0\.0\/16$/,
  );
});

test("addMasquerade() makes an address that another attachment left behind this one's, and its chain goes with the last", () => {
  addMasquerade(netlink, { ...wanted, owner: two });
  addMasquerade(netlink, wanted);
  expect([findMasquerade(netlink, two).length, findMasquerade(netlink, one).length]).toEqual([0, 2]);
});

test("deleteSelected() takes an attachment's, and the chains that nobody else goes to, with a list too", () => {
  addMasquerade(netlink, { ...wanted, keep });
  const mine = chains();
  addMasquerade(netlink, { owner: two, prefixes: [prefix("10.88.0.3/16"), prefix("10.99.0.3/24")], keep });
  deleteSelected(netlink, selectOwner(two));
  expect(chains()).toEqual(mine);
  expect(verifyMasquerade(netlink, { ...wanted, keep })).toEqual([]);
  deleteSelected(netlink, selectStale("net1", []));
  expect(chains()).toEqual(["postrouting"]);
});

test("deleteOutdated() takes addresses that the attachment no longer has, of attachments whose addresses are known", () => {
  addMasquerade(netlink, wanted);
  addMasquerade(netlink, { owner: two, prefixes: [prefix("10.88.0.3/16")] });
  const current = [{ ...one, addresses: ["10.88.0.9", "fd00:88::2"].map(address) }, two];
  deleteOutdated(netlink, "another", currentAddresses("another", current));
  expect(findMasquerade(netlink, one)).toHaveLength(2);
  deleteOutdated(netlink, "net1", currentAddresses("net1", current));
  expect(findMasquerade(netlink, one).map(({ address }) => formatAddress(address))).toEqual(["fd00:88::2"]);
  expect(findMasquerade(netlink, two)).toHaveLength(1);
  deleteOutdated(netlink, "net1", currentAddresses("net1", [{ ...one, addresses: [address("10.88.0.9")] }]));
  expect(chains()).toEqual(["postrouting", "to_10.88.0.0/16"]);
});

test("deleteSelected() deletes the chain of several addresses beside that of one", () => {
  addMasquerade(netlink, { owner: one, prefixes: ["10.88.0.2/16", "10.88.0.3/16", "10.99.0.2/24"].map(prefix) });
  deleteSelected(netlink, selectOwner(one));
  expect(chains()).toEqual(["postrouting"]);
});

test("deleteSelected() leaves a chain that somebody has come to go to meanwhile", () => {
  addMasquerade(netlink, wanted);
  // What the kernel says where it is in use: the transaction is the last request of a deletion.
  const before = kernel.requests;
  const saved = kernel.host.rules.copy();
  deleteSelected(netlink, selectOwner(one));
  const needed = kernel.requests - before;
  kernel.host.rules = saved;
  kernel.refuse(needed, 16);
  deleteSelected(netlink, selectOwner(one));
  expect(findMasquerade(netlink, one)).toEqual([]);
  expect(chains()).toHaveLength(3);
});

test("what a failing call began is taken back, whichever of its requests fails", () => {
  const act = ({ netfilter }: ReturnType<typeof arrangeNetfilter>, defer: (reversal: () => unknown) => void) => {
    defer(() => deleteSelected(netfilter, selectOwner(one)));
    addMasquerade(netfilter, wanted);
  };
  failEach(arrangeNetfilter, act, ({ netfilter }) => findMasquerade(netfilter, one));
});
