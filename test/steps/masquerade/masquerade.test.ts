import { beforeEach, describe, expect, test, vi } from "vitest";
import { chainName } from "../../../src/netfilter/iptables/name.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { addRule, listRules } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT, jump } from "../../../src/netfilter/nftables/statement.ts";
import { addTable, listTables } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { type Attachment, ownerComment } from "../../../src/netfilter/owner.ts";
import { IPTABLES_NAT, REFERENCE_TABLES } from "../../../src/netfilter/tables.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { addMasquerade, findMasquerade } from "../../../src/steps/masquerade/elements.ts";
import { endMasquerade, endStaleMasquerade } from "../../../src/steps/masquerade/masquerade.ts";
import type { Remains } from "../../../src/steps/remains.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { prefix } from "../../netlink/text.ts";
import { addRequest } from "../../plugins/request.ts";
import { fakeHost } from "../fake-host.ts";

vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async (original) => ({
  ...(await original<object>()),
  hasLegacyTable: () => false,
  findInLegacy: () => [],
}));

const own = { network: "net1", ifname: "eth0", containerId: "c1" };
const other = { ...own, containerId: "c2" };
const request = addRequest({ cniVersion: "1.1.0", name: "net1", type: "bridge" });
const REFERENCE = { ...REFERENCE_TABLES.masquerade, chain: "masq_checks" };
const NAT = { ...IPTABLES_NAT[4], chain: "POSTROUTING" };

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
  for (const place of [REFERENCE, NAT]) {
    const table = addTable({ family: place.family, name: place.table, flags: 0 });
    applyTransaction(netlink, [table, addChain({ ...place, name: place.chain })], { action: "arrange" });
  }
});

/** What openRemains() finds. */
function remains(): Remains {
  const tables = listTables(netlink);
  const has = (family: number, table: string) => tables.some((each) => each.family === family && each.name === table);
  return {
    within: ({ family, table }) => (has(family, table) ? netlink : undefined),
    socket: netlink,
    leave: () => {},
    launch: fakeHost().launch,
  };
}

/** Masquerading of an attachment's as each backend makes it: ours, the reference's, and that of iptables-nft. */
function masqueradeEach(owner: Attachment, text: string): void {
  addMasquerade(netlink, { owner, prefixes: [prefix(text)] });
  const [userdata, name] = [commented("rule", ownerComment(owner)), chainName(owner)];
  const changes = [
    addRule({ ...REFERENCE, label: "masquerade", expressions: [ACCEPT], userdata }),
    addChain({ ...IPTABLES_NAT[4], name }),
    addRule({ ...IPTABLES_NAT[4], chain: name, label: "masquerade", expressions: [ACCEPT] }),
    addRule({
      ...NAT,
      label: "jump",
      expressions: [jump(name)],
      userdata: commented("rule", `name: "${owner.network}" id: "${owner.containerId}"`),
    }),
  ];
  applyTransaction(netlink, changes, { action: "arrange" });
}

/** How much each backend has of anybody. */
function counts() {
  return {
    ours: [own, other].map((owner) => findMasquerade(netlink, owner).length),
    reference: listRules(netlink, { ...REFERENCE, name: REFERENCE.chain }).length,
    jumps: listRules(netlink, { ...NAT, name: NAT.chain }).length,
    chains: kernel.host.rules.find(NAT.family, NAT.table)?.chains.length,
  };
}

describe("endMasquerade()", () => {
  test("ends an attachment's, whichever backend made it, and nobody else's", () => {
    masqueradeEach(own, "10.88.0.2/16");
    masqueradeEach(other, "10.88.0.3/16");
    expect(counts()).toEqual({ ours: [1, 1], reference: 2, jumps: 2, chains: 3 });
    endMasquerade(request, remains());
    expect(counts()).toEqual({ ours: [0, 1], reference: 1, jumps: 1, chains: 2 });
    endMasquerade(request, remains());
    expect(counts()).toEqual({ ours: [0, 1], reference: 1, jumps: 1, chains: 2 });
  });

  test("ends what it can where one backend refuses, and throws that", () => {
    masqueradeEach(own, "10.88.0.2/16");
    const found = remains();
    kernel.refuse(1, 1);
    expect(() => endMasquerade(request, found)).toThrow("Operation not permitted");
    expect(counts()).toEqual({ ours: [1, 0], reference: 0, jumps: 0, chains: 1 });
  });

  test("asks nothing where there are no tables", () => {
    const fresh = new FakeKernel();
    endMasquerade(request, { within: () => undefined, socket: undefined, leave: () => {}, launch: fakeHost().launch });
    expect(fresh.requests).toBe(0);
  });
});

describe("endStaleMasquerade()", () => {
  test("ends a network's, but for attachments that are still valid", () => {
    masqueradeEach(own, "10.88.0.2/16");
    masqueradeEach(other, "10.88.0.3/16");
    endStaleMasquerade(request, remains(), [other]);
    expect(counts()).toEqual({ ours: [0, 1], reference: 1, jumps: 1, chains: 2 });
    endStaleMasquerade(request, remains(), []);
    expect(counts()).toEqual({ ours: [0, 0], reference: 0, jumps: 0, chains: 1 });
  });
});
