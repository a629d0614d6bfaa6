import { beforeEach, expect, test } from "vitest";
import {
  addSpoofCheck,
  admitAddresses,
  deleteSpoofChecks,
  supportsBridgeRules,
  verifySpoofCheck,
} from "../../../../plugins/bridge/spoof/checks.ts";
import { selectOwner, selectStale } from "../../../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../../../src/netlink/socket.ts";
import { arrangeNetfilter, failEach } from "../../../kernel/failures.ts";
import { FakeKernel } from "../../../kernel/fake-kernel.ts";
import { prefix } from "../../../netlink/text.ts";

const owner = { network: "net1", ifname: "eth0", containerId: "one" };
const strict = { owner, port: 7, mac: "02:00:00:00:00:01", check: "strict" } as const;
const prefixes = ["10.88.0.2/16", "fd00:88::2/64"].map(prefix);

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
});

function elements(of = kernel): number {
  return of.host.rules.tables.flatMap(({ sets }) => sets).flatMap((set) => set.elements).length;
}

test("a port that is checked strictly is as verifySpoofCheck() expects when it has its addresses, and twice is once", () => {
  addSpoofCheck(netlink, strict);
  const missing = verifySpoofCheck(netlink, { port: strict, prefixes });
  expect(missing).toHaveLength(2);
  expect(missing[0]).toBe("Spoof check: element 7 . 10.88.0.2 of nftables set addresses4 is missing");
  admitAddresses(netlink, strict, prefixes);
  expect(verifySpoofCheck(netlink, { port: strict, prefixes })).toEqual([]);
  const before = kernel.snapshot();
  addSpoofCheck(netlink, strict);
  admitAddresses(netlink, strict, prefixes);
  expect(kernel.snapshot()).toEqual(before);
});

test("a port whose MAC alone is checked has no addresses, and one that has is told of", () => {
  const mac = { ...strict, check: "mac" } as const;
  addSpoofCheck(netlink, mac);
  expect(verifySpoofCheck(netlink, { port: mac, prefixes })).toEqual([]);
  admitAddresses(netlink, mac, prefixes);
  expect(verifySpoofCheck(netlink, { port: mac, prefixes })).toHaveLength(2);
  expect(verifySpoofCheck(netlink, { port: { ...mac, mac: "02:00:00:00:00:09" }, prefixes: [] }).join()).toContain(
    "02:00:00:00:00:09 of nftables set macs is missing",
  );
});

test("what is left of an earlier port of the same attachment is no difference", () => {
  addSpoofCheck(netlink, { ...strict, port: 5 });
  addSpoofCheck(netlink, strict);
  expect(verifySpoofCheck(netlink, { port: strict, prefixes: [] })).toEqual([]);
});

test("admitAddresses() of none asks nothing", () => {
  admitAddresses(netlink, strict, []);
  expect(kernel.requests).toBe(0);
});

test("deleteSpoofChecks() takes an attachment's, or a network's but for those that are still valid", () => {
  const two = { ...strict, owner: { ...owner, containerId: "two" }, port: 8, mac: "02:00:00:00:00:02" };
  addSpoofCheck(netlink, strict);
  const one = elements();
  addSpoofCheck(netlink, two);
  deleteSpoofChecks(netlink, selectStale("net1", [owner]));
  expect(elements()).toBe(one);
  deleteSpoofChecks(netlink, selectOwner(two.owner));
  expect(elements()).toBe(one);
  deleteSpoofChecks(netlink, selectOwner(owner));
  expect(elements()).toBe(0);
});

test("what a failing call began is taken back, whichever of its requests fails", () => {
  const count = failEach(
    arrangeNetfilter,
    ({ netfilter }, defer) => {
      defer(() => deleteSpoofChecks(netfilter, selectOwner(owner)));
      addSpoofCheck(netfilter, strict);
      admitAddresses(netfilter, strict, prefixes);
    },
    (stage) => elements(stage.kernel),
  );
  expect(count).toBeGreaterThanOrEqual(4);
});

test("supportsBridgeRules() tries where there is no table, leaves nothing, and says no of a kernel without", () => {
  const before = kernel.snapshot();
  expect(supportsBridgeRules(netlink)).toBe(true);
  expect(kernel.snapshot()).toEqual(before);
  kernel.features.bridgeRules = false;
  expect(supportsBridgeRules(netlink)).toBe(false);
});
