import { beforeEach, expect, test, vi } from "vitest";
import { deleteJumps } from "../../../src/netfilter/iptables/delete-jumps.ts";
import { selectOwnJumps, selectStaleJumps } from "../../../src/netfilter/iptables/jump.ts";
import { chainName, ruleComment } from "../../../src/netfilter/iptables/name.ts";
import { addChain, findChain } from "../../../src/netfilter/nftables/chain.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { IPTABLES_NAT } from "../../../src/netfilter/tables.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { type Answer, installTools, stageCommands } from "./commands.ts";

/** What iptables-legacy's table has of the texts that are looked for. */
const table = vi.hoisted(() => ({ has: [] as string[], asked: [] as unknown[] }));

vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  findInLegacy: (family: number, name: string, texts: readonly string[]) => {
    table.asked.push([family, name]);
    return texts.filter((text) => table.has.includes(text));
  },
}));

const owner = { network: "net1", ifname: "eth0", containerId: "c1" };
const own = chainName(owner);
const comment = ruleComment(owner).replaceAll('"', String.raw`\"`);
const jump = `-s 10.88.0.2/32 -m comment --comment "${comment}" -j ${own}`;

const tools = installTools("iptables-legacy", "iptables-legacy-restore");

beforeEach(() => Object.assign(table, { has: [own], asked: [] }));

const listed: Answer = { status: 0, text: `-P POSTROUTING ACCEPT\n-A POSTROUTING ${jump}\n` };
const refused: Answer = { status: 1, text: "iptables-restore: line 2 failed" };

/** deleteJumps() with commands that give these answers, and what it starts. */
function stage(answers: readonly Answer[], netlink?: Nfnetlink) {
  const { invocation, started } = stageCommands(tools, answers);
  const act = (selection = selectOwnJumps(owner, undefined)) => deleteJumps({ netlink, invocation }, 4, selection);
  return { act, started };
}

const LIST = "iptables-legacy -t nat -S POSTROUTING ";
const removal = `*nat\n-D POSTROUTING ${jump}\n-F ${own}\n-X ${own}\nCOMMIT\n`;
const REMOVE = `iptables-legacy-restore --noflush ${removal}`;

test("deleteJumps() deletes what iptables-legacy's table has of an attachment, in one transaction", () => {
  const { act, started } = stage([listed]);
  act();
  expect(started).toEqual([LIST, REMOVE]);
  expect(table.asked).toEqual([[4, "nat"]]);
});

test("deleteJumps() deletes what iptables-nft's table has of an attachment, too", () => {
  const netlink = new FakeKernel().openNetfilter();
  const { family, table: name } = IPTABLES_NAT[4];
  const changes = [addTable({ family, name, flags: 0 }), addChain({ family, table: name, name: own })];
  applyTransaction(netlink, changes, { action: "arrange" });
  const { act, started } = stage([listed], netlink);
  act();
  expect(findChain(netlink, { family, table: name, name: own })).toBeUndefined();
  expect(started).toEqual([LIST, REMOVE]);
});

test("deleteJumps() starts nothing where the table has none of the texts", () => {
  table.has = [];
  const { act, started } = stage([]);
  act();
  expect(started).toEqual([]);
});

test("deleteJumps() changes nothing where the listing has no selected jump and no chain", () => {
  const selection = selectStaleJumps("net1", [owner]);
  table.has = [...selection.texts];
  const { act, started } = stage([listed]);
  act(selection);
  expect(started).toEqual([LIST]);
});

test("deleteJumps() takes a chain that nothing jumps to, also where POSTROUTING is missing", () => {
  const { act, started } = stage([{ status: 1, text: "iptables: No chain/target/match by that name." }]);
  act();
  expect(started[1]).toBe(`iptables-legacy-restore --noflush *nat\n-F ${own}\n-X ${own}\nCOMMIT\n`);
});

test("deleteJumps() throws another refusal to list", () => {
  const { act, started } = stage([{ status: 3, text: "Permission denied" }]);
  expect(act).toThrow("status 3: Permission denied");
  expect(started).toEqual([LIST]);
});

test("deleteJumps() begins anew where another process was first, three times at most", () => {
  const second = stage([listed, refused, listed]);
  second.act();
  expect(second.started).toEqual([LIST, REMOVE, LIST, REMOVE]);
  const never = stage([listed, refused, listed, refused, listed, refused]);
  expect(never.act).toThrow("line 2 failed");
  expect(never.started).toHaveLength(6);
});

test("deleteJumps() does not try again while others hold the lock", () => {
  const { act, started } = stage([listed, { status: 4, text: "Another app is currently holding the xtables lock" }]);
  expect(act).toThrow("another program has held the xtables lock");
  expect(started).toEqual([LIST, REMOVE]);
});
