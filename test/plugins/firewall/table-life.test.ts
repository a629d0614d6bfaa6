import { beforeEach, describe, expect, test } from "vitest";
import {
  admit,
  belongsToAnother,
  compareAdmitted,
  dismiss,
  dismissOutdated,
  listAdmitted,
} from "../../../plugins/firewall/table.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { deleteChain, findChain } from "../../../src/netfilter/nftables/chain.ts";
import { deleteElement, listElements } from "../../../src/netfilter/nftables/element.ts";
import { flushChain } from "../../../src/netfilter/nftables/rule.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { currentAddresses } from "../../../src/netfilter/outdated.ts";
import { selectOwner, selectStale } from "../../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { arrangeNetfilter, failEach } from "../../kernel/failures.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import type { FakeSet } from "../../kernel/rules.ts";
import { address } from "../../netlink/text.ts";

const one = { network: "net1", ifname: "eth0", containerId: "one" };
const two = { ...one, containerId: "two" };
const TABLE = { family: 1, table: "cni_firewall" };
const addresses = ["10.88.0.2", "fd00:88::2"].map(address);
const place = { gateway: "02:00:00:00:00:fe", ports: [7], macs: ["02:00:00:00:00:01"] };
const open = { owner: one, addresses, isolation: undefined };
const isolated = { ...open, isolation: { policy: "isolated", link: "br0" } } as const;
const apart = { ...open, isolation: { policy: "same-bridge", link: "br0" } } as const;

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
});

/** A set of the table as the kernel has it, to be changed as somebody else would. */
function setOf(name: string): FakeSet {
  const found = kernel.host.rules.tables.flatMap(({ sets }) => sets).find(({ described }) => described.name === name);
  if (found === undefined) throw new Error(`There is no set ${name}`);
  return found;
}

describe("dismissOutdated()", () => {
  const dismissed = (...texts: readonly string[]) =>
    dismissOutdated(netlink, "net1", currentAddresses("net1", [{ ...one, addresses: texts.map(address) }]));
  const own = () => listAdmitted(netlink, selectOwner(one)).map(formatAddress);

  test("dismisses the addresses that the attachment no longer has, and with the last what has no address", () => {
    admit(netlink, isolated, place);
    admit(netlink, { ...open, owner: two, addresses: [address("10.88.0.3")] }, undefined);
    const before = kernel.snapshot();
    expect(dismissed("10.88.0.2", "fd00:88::2")).toBe(false);
    expect(kernel.snapshot()).toEqual(before);
    expect(dismissed("10.88.0.2")).toBe(true);
    expect([own(), setOf("isolated_ports").elements.length]).toEqual([["10.88.0.2"], 1]);
    expect(dismissed("10.88.0.9")).toBe(true);
    expect([own(), setOf("isolated_ports").elements.length]).toEqual([[], 0]);
    expect(listAdmitted(netlink, selectOwner(two)).map(formatAddress)).toEqual(["10.88.0.3"]);
  });

  test("leaves an attachment without addresses alone", () => {
    admit(netlink, { ...isolated, addresses: [] }, place);
    expect(dismissed("10.88.0.9")).toBe(false);
  });
});

describe("admit()", () => {
  test.each([
    ["open", open, undefined],
    ["apart", apart, undefined],
    ["isolated", isolated, place],
  ] as const)("%s: makes what compareAdmitted() finds, and twice is once", (_, subject, where) => {
    admit(netlink, subject, where);
    const before = kernel.snapshot();
    expect(compareAdmitted(netlink, subject, where)).toEqual([]);
    admit(netlink, subject, where);
    expect(kernel.snapshot()).toEqual(before);
  });

  test("costs one transaction, and where the table is there nothing but elements", () => {
    admit(netlink, open, undefined);
    const asked = kernel.requests;
    admit(netlink, { ...open, owner: two, addresses: [address("10.88.0.3")] }, undefined);
    expect(kernel.log.slice(asked).at(-1)).toBe(
      "host: add element 10.88.0.3 to nftables set containers4 of table cni_firewall",
    );
  });

  test("makes an address that another attachment left behind this one's", () => {
    admit(netlink, { ...open, owner: two }, undefined);
    admit(netlink, open, undefined);
    expect(listAdmitted(netlink, selectOwner(two))).toEqual([]);
    expect(listAdmitted(netlink, selectOwner(one)).map(formatAddress)).toEqual(["10.88.0.2", "fd00:88::2"]);
  });

  test("asks nothing for a subject that has neither addresses nor a place", () => {
    admit(netlink, { ...open, addresses: [] }, undefined);
    expect(kernel.requests).toBe(0);
  });

  test("makes all or nothing, whichever of its requests fails", () => {
    const count = failEach(
      arrangeNetfilter,
      ({ netfilter }, defer) => {
        defer(() => dismiss(netfilter, selectOwner(one)));
        admit(netfilter, isolated, place);
      },
      ({ netfilter }) => listElements(netfilter, { ...TABLE, name: "containers4" }).length,
    );
    expect(count).toBeGreaterThan(3);
  });
});

describe("compareAdmitted()", () => {
  test("notices a member that its map sends to another chain", () => {
    admit(netlink, isolated, place);
    admit(netlink, { ...apart, owner: two, addresses: [address("10.88.0.3")] }, undefined);
    const members = setOf("members4");
    const [verdict] = members.elements
      .filter(({ data }) => data?.verdict?.chain?.startsWith("same"))
      .map(({ data }) => data);
    expect(verdict).toBeDefined();
    members.elements = members.elements.map((each) => ({ ...each, data: verdict }));
    expect(compareAdmitted(netlink, isolated, place)).toEqual([
      "Set members4 of nftables table cni_firewall must have this attachment's br0 . 10.88.0.2",
    ]);
  });

  test("notices an address that is another's by now, or that is gone", () => {
    admit(netlink, open, undefined);
    admit(netlink, { ...open, owner: two, addresses: [address("10.88.0.2")] }, undefined);
    expect(compareAdmitted(netlink, open, undefined)).toEqual([
      "Set containers4 of nftables table cni_firewall must have this attachment's 10.88.0.2",
    ]);
  });

  test("notices bridges and places that are gone", () => {
    admit(netlink, isolated, place);
    for (const name of ["bridges", "same_bridge", "isolating", "isolated_ports", "isolated_macs"])
      setOf(name).elements = [];
    const found = compareAdmitted(netlink, isolated, place);
    expect(found.map((each) => each.split(" ")[1])).toEqual([
      "isolated_ports",
      "isolated_macs",
      "bridges",
      "same_bridge",
      "isolating",
    ]);
  });

  test("notices a rule that is gone, and not what an operator has in chain admin", () => {
    admit(netlink, open, undefined);
    const flush = (name: string) => applyTransaction(netlink, [flushChain({ ...TABLE, name })], { action: "flush" });
    flush("admin");
    expect(compareAdmitted(netlink, open, undefined)).toEqual([]);
    flush("forward");
    expect(compareAdmitted(netlink, open, undefined)[0]).toContain('rule 1 must be "jump admin", is missing');
  });
});

describe("belongsToAnother()", () => {
  test("is whether an address is noted as that of an attachment besides those selected", () => {
    admit(netlink, { ...open, owner: two, addresses: [address("10.88.0.3")] }, undefined);
    admit(netlink, open, undefined);
    const ask = (text: string, owner = one) => belongsToAnother(netlink, address(text), selectOwner(owner));
    expect([ask("10.88.0.2"), ask("10.88.0.3"), ask("10.88.0.4"), ask("fd00:88::2", two)]).toEqual([
      false,
      true,
      false,
      true,
    ]);
  });
});

describe("dismiss()", () => {
  test("takes what is the attachment's, and what nobody else needs goes with it", () => {
    admit(netlink, isolated, place);
    const withOne = kernel.snapshot()["host"]?.rules.filter((line) => line.includes(" element "));
    admit(netlink, { ...isolated, owner: two, addresses: [address("10.88.0.3")] }, { ...place, ports: [9], macs: [] });
    expect(dismiss(netlink, selectOwner(two))).toBe(true);
    expect(kernel.snapshot()["host"]?.rules.filter((line) => line.includes(" element "))).toEqual(withOne);
    expect(dismiss(netlink, selectOwner(one))).toBe(true);
    expect(kernel.snapshot()["host"]?.rules.filter((line) => line.includes(" element "))).toEqual([]);
    expect(kernel.snapshot()["host"]?.rules.filter((line) => line.includes("isolated_br0"))).toEqual([]);
    expect(dismiss(netlink, selectOwner(one))).toBe(false);
  });

  test("leaves a bridge's other policy, and what both share", () => {
    admit(netlink, isolated, place);
    admit(netlink, { ...apart, owner: two, addresses: [address("10.88.0.3")] }, undefined);
    dismiss(netlink, selectOwner(one));
    const names = ["bridges", "same_bridge", "isolating"].map((name) => setOf(name).elements.length);
    expect(names).toEqual([1, 1, 0]);
    expect(compareAdmitted(netlink, { ...apart, owner: two, addresses: [address("10.88.0.3")] }, undefined)).toEqual(
      [],
    );
  });

  test("takes what is a network's, but for those that are still valid", () => {
    admit(netlink, open, undefined);
    admit(netlink, { ...open, owner: two, addresses: [address("10.88.0.3")] }, undefined);
    dismiss(netlink, selectStale("net1", [two]));
    expect(listElements(netlink, { ...TABLE, name: "containers4" })).toHaveLength(1);
  });

  test("leaves the chain to somebody who has come to go there, and takes the elements all the same", () => {
    admit(netlink, isolated, place);
    kernel.refuse(kernelRequestsOfDismissal(), 16);
    dismiss(netlink, selectOwner(one));
    expect(listAdmitted(netlink, selectOwner(one))).toEqual([]);
    expect(kernel.log.filter((line) => line.includes("delete element")).length).toBeGreaterThan(1);
  });

  test("begins anew where others have changed the rule set meanwhile", () => {
    admit(netlink, open, undefined);
    kernel.refuse(kernelRequestsOfDismissal(), 85);
    expect(dismiss(netlink, selectOwner(one))).toBe(true);
    expect(listAdmitted(netlink, selectOwner(one))).toEqual([]);
  });

  /** Which of a dismissal's requests is its transaction. */
  function kernelRequestsOfDismissal(): number {
    const before = kernel.requests;
    kernel.host.rules = kernel.host.rules.copy();
    const saved = kernel.host.rules.copy();
    dismiss(netlink, selectOwner(one));
    kernel.host.rules = saved;
    const at = kernel.log.slice(before).findIndex((line) => line.includes("delete element"));
    return at + 1;
  }
});

test("what an operator deletes is no reason to fail", () => {
  admit(netlink, open, undefined);
  const element = { key: { value: Uint8Array.of(10, 88, 0, 2) }, label: "10.88.0.2" };
  applyTransaction(netlink, [deleteElement({ ...TABLE, name: "containers4" }, element)], { action: "delete" });
  expect(dismiss(netlink, selectOwner(one))).toBe(true);
  expect(findChain(netlink, { ...TABLE, name: "admin" })).toBeDefined();
  expect(() => applyTransaction(netlink, [deleteChain({ ...TABLE, name: "admin" })], { action: "delete" })).toThrow(
    "busy",
  );
});
