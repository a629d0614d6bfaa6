import { beforeEach, expect, test } from "vitest";
import { Gathering } from "../../../src/netfilter/nftables/gathering.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { verifyMasquerade } from "../../../src/steps/masquerade/check.ts";
import { addMasquerade } from "../../../src/steps/masquerade/elements.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { prefix } from "../../netlink/text.ts";

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
