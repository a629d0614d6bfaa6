import { beforeEach, expect, test, vi } from "vitest";
import { addTable, listTables } from "../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../src/netfilter/nftables/transaction.ts";
import { OWN_TABLES } from "../../src/netfilter/tables.ts";
import { deleteUnusedTables } from "../../src/netfilter/unused-tables.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import type { NetlinkRequest } from "../../src/netlink/answers.ts";
import { NFPROTO } from "../../src/netlink/nfnetlink.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { FakeKernel } from "../kernel/fake-kernel.ts";
import { addOwned, addressSet } from "./owned-tables.ts";

vi.mock("../../src/netfilter/rule-locks.ts", () => ({ holdTurn: () => undefined }));

const owner = { network: "net1", ifname: "eth0", containerId: "one" };

let kernel: FakeKernel;
let netlink: Nfnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  netlink = kernel.openNetfilter();
});

const left = () => listTables(netlink).map(({ family, name }) => `${family} ${name}`);

test("deleteUnusedTables() deletes this project's tables without an owner's element, and no other table", () => {
  addOwned(netlink, addressSet(OWN_TABLES.masquerade), []);
  addOwned(netlink, addressSet(OWN_TABLES.firewall), [[owner, "10.88.0.2"]]);
  addOwned(netlink, addressSet(OWN_TABLES.bridgeFirewall), []);
  const foreign = [
    addTable({ family: NFPROTO.INET, name: "mine" }),
    addTable({ family: NFPROTO.IPV4, name: OWN_TABLES.ports.table }),
  ];
  applyTransaction(netlink, foreign, { action: "arrange" });
  expect(deleteUnusedTables(netlink)).toEqual(["inet cni_masquerade", "bridge cni_firewall"]);
  expect(left()).toEqual(["1 cni_firewall", "1 mine", "2 cni_portmap"]);
  expect(deleteUnusedTables(netlink)).toEqual([]);
});

test("deleteUnusedTables() asks nothing of a host without these tables but which it has", () => {
  expect(deleteUnusedTables(netlink)).toEqual([]);
  expect(kernel.log).toEqual(["host: ask for the nftables generation", "host: list the nftables tables"]);
});

/** The same socket, but for what happens first to each transaction. */
function before(act: (changes: readonly NetlinkRequest[]) => void): Nfnetlink {
  return {
    ...netlink,
    transact: (requests) => {
      act(requests);
      return netlink.transact(requests);
    },
  };
}

test("deleteUnusedTables() leaves a table that gets an owner meanwhile", () => {
  const set = addressSet(OWN_TABLES.masquerade);
  addOwned(netlink, set, []);
  const overtake = vi.fn().mockImplementationOnce(() => addOwned(netlink, set, [[owner, "10.88.0.2"]]));
  expect(deleteUnusedTables(before(overtake))).toEqual([]);
  expect(left()).toEqual(["1 cni_masquerade"]);
});

test("deleteUnusedTables() says what it wanted if it may not", () => {
  addOwned(netlink, addressSet(OWN_TABLES.masquerade), []);
  const refuse = before(([begin]) => {
    throw new NetlinkError(begin?.action ?? "", { errno: ERRNO.EPERM });
  });
  expect(() => deleteUnusedTables(refuse)).toThrow("Cannot delete unused nftables tables: Operation not permitted");
});
