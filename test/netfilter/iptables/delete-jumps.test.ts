import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import type { LaunchOptions } from "../../../src/linux/child.ts";
import { deleteJumps } from "../../../src/netfilter/iptables/delete-jumps.ts";
import { selectOwnJumps, selectStaleJumps } from "../../../src/netfilter/iptables/jump.ts";
import { chainName, ruleComment } from "../../../src/netfilter/iptables/name.ts";
import { invocationFor } from "../../../src/netfilter/iptables/tool.ts";

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

const tools = fs.mkdtempSync(path.join(os.tmpdir(), "delete-jumps-"));
for (const name of ["iptables-legacy", "iptables-legacy-restore"])
  fs.writeFileSync(path.join(tools, name), "", { mode: 0o755 });
afterAll(() => fs.rmSync(tools, { recursive: true }));

beforeEach(() => Object.assign(table, { has: [own], asked: [] }));

interface Answer {
  readonly status: number;
  readonly text: string;
}

const done: Answer = { status: 0, text: "" };
const listed: Answer = { status: 0, text: `-P POSTROUTING ACCEPT\n-A POSTROUTING ${jump}\n` };
const refused: Answer = { status: 1, text: "iptables-restore: line 2 failed" };

/** Commands that answer like this one after the other, and what they were given. */
function stage(answers: readonly Answer[]) {
  const started: string[] = [];
  const left = [...answers];
  const launch = (executable: string, { args = [], stdin }: LaunchOptions) => {
    const input = new TextDecoder().decode(stdin);
    started.push([path.basename(executable), ...args.filter((arg) => !/^(-w|--wait|\d+)$/.test(arg)), input].join(" "));
    const { status, text } = left.shift() ?? done;
    const bytes = new TextEncoder().encode(text);
    return {
      begin: () => {},
      abandon: () => {},
      wait: () => ({ status, signal: undefined, stdout: bytes, stderr: bytes }),
    };
  };
  const invocation = invocationFor({ environment: { PATH: tools }, launch, restores: undefined });
  const act = (selection = selectOwnJumps(owner, undefined)) =>
    deleteJumps({ netlink: undefined, invocation }, 4, selection);
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
