import { beforeEach, expect, test, vi } from "vitest";
import { forget } from "../../../plugins/firewall/forget.ts";
import type { FilterTable } from "../../../plugins/firewall/iptables.ts";
import { admit, listAdmitted } from "../../../plugins/firewall/table.ts";
import { type Address, formatAddress } from "../../../src/ip/address.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { currentAddresses } from "../../../src/netfilter/outdated.ts";
import { selectOwner, selectStale } from "../../../src/netfilter/owner.ts";
import { IPTABLES_FILTER } from "../../../src/netfilter/tables.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import type { Host } from "../../../src/steps/host.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { address } from "../../netlink/text.ts";
import { addRequest } from "../request.ts";

/** What the other firewalls were told to forget, and when: before our own table or after. */
const told: string[] = [];

let host: Host;
let netfilter: Nfnetlink;
let failure: Error | undefined;
/** Whether firewalld runs, iptables-legacy has tables, and the commands of killed calls have ended. */
let machine = { firewalld: true, legacy: false, ended: true };

vi.mock("../../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => machine.ended }));

vi.mock("../../../src/linux/aside.ts", async (original) => ({
  ...(await original<object>()),
  holdAside: () => told.push("leave"),
}));

vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async (original) => ({
  ...(await original<object>()),
  hasLegacyTable: () => machine.legacy,
}));

vi.mock("../../../src/steps/firewalld.ts", async (original) => ({
  ...(await original<object>()),
  findFirewalld: () => (machine.firewalld ? {} : undefined),
  removeSources: (_: unknown, zone: string, addresses: readonly Address[]) => {
    told.push(`zone ${zone}: ${addresses.map(formatAddress).join(" ")}`);
  },
}));

vi.mock("../../../plugins/firewall/iptables.ts", async (original) => ({
  ...(await original<object>()),
  deleteFilterRules: (_: unknown, { family, variant }: FilterTable, addresses: readonly Address[]) => {
    told.push(`${variant === "nft" ? "iptables" : variant} ${family}: ${addresses.map(formatAddress).join(" ")}`);
    if (failure !== undefined) throw failure;
  },
}));

const own = { network: "net1", ifname: "eth0", containerId: "c1" };
const other = { ...own, containerId: "c2" };
const request = addRequest({ cniVersion: "1.1.0", name: "net1", type: "firewall" });

beforeEach(() => {
  told.splice(0);
  failure = undefined;
  machine = { firewalld: true, legacy: false, ended: true };
  host = hostOn(new FakeKernel());
  netfilter = host.openNetfilter();
  const tables = [IPTABLES_FILTER[4], IPTABLES_FILTER[6]];
  const changes = tables.map(({ family, table }) => addTable({ family, name: table, flags: 0 }));
  applyTransaction(netfilter, changes, { action: "arrange" });
});

function note(owner: typeof own, ...texts: readonly string[]): void {
  admit(netfilter, { owner, addresses: texts.map(address), isolation: undefined }, undefined);
}

function forgetOwn(...reported: readonly string[]): void {
  forget(request, host, { selection: selectOwner(own), zone: "trusted", reported: () => reported.map(address) });
}

test("forget() has every firewall forget what our table notes as the attachment's, and then our table", () => {
  note(own, "10.88.0.2", "fd00:88::2");
  note(other, "10.88.0.3");
  forgetOwn();
  expect(told).toEqual([
    "zone trusted: 10.88.0.2 fd00:88::2",
    "iptables 4: 10.88.0.2 fd00:88::2",
    "iptables 6: 10.88.0.2 fd00:88::2",
    "leave",
  ]);
  expect(listAdmitted(netfilter, selectOwner(own))).toEqual([]);
  expect(listAdmitted(netfilter, selectOwner(other)).map(formatAddress)).toEqual(["10.88.0.3"]);
});

test("forget() forgets reported addresses that nobody is noted for, and none that have become another's", () => {
  note(other, "10.88.0.2");
  forgetOwn("10.88.0.2", "10.88.0.9");
  expect(told).toEqual(["zone trusted: 10.88.0.9", "iptables 4: 10.88.0.9", "iptables 6: 10.88.0.9"]);
  expect(listAdmitted(netfilter, selectOwner(other)).map(formatAddress)).toEqual(["10.88.0.2"]);
});

test("forget() names an address once that is both noted and reported", () => {
  note(own, "10.88.0.2");
  forgetOwn("10.88.0.2");
  expect(told[0]).toBe("zone trusted: 10.88.0.2");
});

test("forget() keeps our table's note where another firewall has not forgotten, and asks all of them", () => {
  note(own, "10.88.0.2");
  failure = new Error("the command failed");
  expect(() => forgetOwn()).toThrow(AggregateError);
  expect(told).toHaveLength(3);
  expect(listAdmitted(netfilter, selectOwner(own)).map(formatAddress)).toEqual(["10.88.0.2"]);
});

test("forget() asks each firewall that the host has, whichever these are", () => {
  note(own, "10.88.0.2");
  machine = { firewalld: false, legacy: true, ended: true };
  forgetOwn();
  const lines = ["iptables 4", "legacy 4", "iptables 6", "legacy 6"].map((table) => `${table}: 10.88.0.2`);
  expect(told).toEqual([...lines, "leave"]);
});

test("forget() needs neither a table of ours nor reported addresses", () => {
  host = hostOn(new FakeKernel());
  forget(request, host, { selection: selectOwner(own), zone: "trusted" });
  expect(told).toEqual(["zone trusted: "]);
});

test("forget() deletes nothing while a command of a killed call may still add rules", () => {
  note(own, "10.88.0.2");
  machine = { ...machine, ended: false };
  expect(() => forgetOwn()).toThrow(expect.objectContaining({ code: 11 }));
  expect(told).toEqual([]);
  expect(listAdmitted(netfilter, selectOwner(own)).map(formatAddress)).toEqual(["10.88.0.2"]);
});

test("forget() also forgets addresses that an attachment no longer has, and none that one has by now", () => {
  const again = { ...own, containerId: "c3" };
  note(own, "10.88.0.2");
  note(other, "10.88.0.3", "10.88.0.4");
  const current = currentAddresses("net1", [
    { ...other, addresses: [address("10.88.0.3")] },
    { ...again, addresses: [address("10.88.0.2")] },
  ]);
  forget(request, host, { selection: selectStale("net1", [other, again]), zone: "trusted", current });
  expect(told).toEqual(["zone trusted: 10.88.0.4", "iptables 4: 10.88.0.4", "iptables 6: 10.88.0.4", "leave"]);
  expect(listAdmitted(netfilter, selectOwner(own))).toEqual([]);
  expect(listAdmitted(netfilter, selectOwner(other)).map(formatAddress)).toEqual(["10.88.0.3"]);
});
