import { beforeEach, expect, test } from "vitest";
import { addChain } from "../../src/netfilter/nftables/chain.ts";
import { createElement } from "../../src/netfilter/nftables/element.ts";
import { addRule } from "../../src/netfilter/nftables/rule.ts";
import { ACCEPT } from "../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../src/netfilter/nftables/userdata.ts";
import { ownerComment } from "../../src/netfilter/owner.ts";
import { listComments, listOwnedPlaces, listOwnerComments } from "../../src/netfilter/owner-list.ts";
import { OWN_TABLES, REFERENCE_TABLES } from "../../src/netfilter/tables.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { addOwned, addressSet } from "./owned-tables.ts";

const one = { network: "net1", ifname: "eth0", containerId: "one" };
const two = { ...one, containerId: "two" };
const [ofOne, ofTwo] = [ownerComment(one), ownerComment(two)];

let netlink: Nfnetlink;

beforeEach(() => {
  netlink = new FakeKernel().openNetfilter();
});

/** Adds the reference plugins' chain with a rule for each of these comments. */
function addReference(comments: readonly (string | undefined)[]): void {
  const { family, table } = REFERENCE_TABLES.masquerade;
  const rules = comments.map((comment) =>
    addRule({
      ...{ family, table, chain: "masq_checks", label: "accept", expressions: [ACCEPT] },
      ...(comment !== undefined && { userdata: commented("rule", comment) }),
    }),
  );
  const changes = [addTable({ family, name: table }), addChain({ family, table, name: "masq_checks" }), ...rules];
  applyTransaction(netlink, changes, { action: "arrange" });
}

test("listOwnedPlaces() counts each owner's elements in each table, and its rules of the reference plugins", () => {
  const { masquerade, spoofCheck } = OWN_TABLES;
  addOwned(netlink, addressSet(masquerade), [
    [one, "10.88.0.2"],
    [two, "10.88.0.3"],
  ]);
  addOwned(netlink, addressSet(masquerade, "more"), [[one, "10.88.0.2"]]);
  addOwned(netlink, addressSet(spoofCheck), [[two, "10.88.0.3"]]);
  addReference([ofTwo, "somebody's", undefined, ofTwo]);
  const place = { isReference: false, count: 1 };
  expect(listOwnedPlaces(netlink)).toEqual([
    { ...place, comment: ofOne, table: "inet cni_masquerade", count: 2 },
    { ...place, comment: ofTwo, table: "inet cni_masquerade" },
    { ...place, comment: ofTwo, table: "bridge cni_spoofcheck" },
    { comment: ofTwo, table: "inet cni_plugins_masquerade", count: 2, isReference: true },
  ]);
});

test("listOwnerComments() has the comment of each owner of an element once, whatever its table", () => {
  for (const table of Object.values(OWN_TABLES)) {
    addOwned(netlink, addressSet(table), [
      [one, "10.88.0.2"],
      [two, "10.88.0.3"],
    ]);
  }
  addReference([ownerComment({ ...one, containerId: "three" })]);
  expect(listOwnerComments(netlink)).toEqual([ofOne, ofTwo]);
});

test("listComments() leaves out elements without a comment and other tables", () => {
  const set = addressSet(OWN_TABLES.firewall);
  addOwned(netlink, set, [[one, "10.88.0.2"]]);
  addOwned(netlink, addressSet(OWN_TABLES.bridgeFirewall), [[two, "10.88.0.3"]]);
  const element = { key: { value: Uint8Array.of(192, 0, 2, 1) }, label: "192.0.2.1" };
  applyTransaction(netlink, [createElement(set, element)], { action: "arrange" });
  expect(listComments(netlink, OWN_TABLES.firewall)).toEqual([ofOne]);
});

test("listOwnedPlaces() and listOwnerComments() find nothing where there is no table", () => {
  expect([listOwnedPlaces(netlink), listOwnerComments(netlink)]).toEqual([[], []]);
});
