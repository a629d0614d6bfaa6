import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Family } from "../../../src/ip/address.ts";
import { dropGuards, guardChanges, guardRemovals, guardRules } from "../../../src/netfilter/iptables/loopback-guard.ts";
import { formatInput } from "../../../src/netfilter/iptables/text.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { addRule, listRules } from "../../../src/netfilter/nftables/rule.ts";
import { DROP } from "../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { watchTransactions } from "../kernel.ts";
import { installTools, stageCommands } from "./commands.ts";

/** The families whose table raw of iptables-legacy has the comments. */
const legacy = vi.hoisted(() => ({ families: [] as number[] }));

vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  findInLegacy: (family: number, table: string, texts: readonly string[]) =>
    table === "raw" && legacy.families.includes(family) ? texts : [],
}));

const RAW = { 4: { family: 2, table: "raw" }, 6: { family: 10, table: "raw" } } as const;
const CHAIN = "PREROUTING";
const tools = installTools("iptables-legacy", "iptables-legacy-restore");

let netlink: Nfnetlink;

beforeEach(() => {
  legacy.families = [];
  netlink = new FakeKernel().openNetfilter();
  const comments = ["CNI portfwd loopback", "CNI portfwd route_localnet", "somebody else's"];
  const changes = ([4, 6] as const).flatMap((family) => [
    addTable({ family: RAW[family].family, name: "raw", flags: 0 }),
    addChain({ ...RAW[family], name: CHAIN }),
    ...comments.map((comment) =>
      addRule({
        ...{ ...RAW[family], chain: CHAIN, label: "drop" },
        expressions: [DROP],
        userdata: commented("rule", comment),
      }),
    ),
  ]);
  applyTransaction(netlink, changes, { action: "arrange" });
});

/** dropGuards(), which starts no command. */
function drop(...inUse: readonly Family[]): readonly string[] {
  const { invocation, started } = stageCommands(tools);
  const dropped = dropGuards({ netlink, invocation }, new Set(inUse));
  expect(started).toEqual([]);
  return dropped;
}

const counts = () => ([4, 6] as const).map((family) => listRules(netlink, { ...RAW[family], name: CHAIN }).length);

test("dropGuards() deletes the rules of both families where there is no mapping, and no other rule", () => {
  expect(drop()).toEqual(["table raw of iptables-nft", "table raw of ip6tables-nft"]);
  expect(counts()).toEqual([1, 1]);
  expect(drop()).toEqual([]);
});

test("dropGuards() keeps those of a family that has mappings", () => {
  expect(drop(4)).toEqual(["table raw of ip6tables-nft"]);
  expect(drop(4)).toEqual([]);
  expect(counts()).toEqual([3, 1]);
});

test.each([
  ["deletes the rules of iptables-legacy by one command", guardRules(4)],
  ["changes nothing if another call has deleted them since", []],
])("dropGuards() %s", (_, rules) => {
  legacy.families = [4];
  const listing = ["-P PREROUTING ACCEPT", "-A PREROUTING -j CT", ...rules].join("\n");
  const { invocation, started } = stageCommands(tools, [{ status: 0, text: listing }]);
  expect(dropGuards({ netlink: undefined, invocation }, new Set())).toEqual(["table raw of iptables-legacy"]);
  const removals = formatInput(guardRemovals(listing), "raw");
  expect(started).toEqual([
    "iptables-legacy -t raw -S PREROUTING ",
    ...(rules.length === 0 ? [] : [`iptables-legacy-restore --noflush ${removals}`]),
  ]);
});

test("dropGuards() says what it does where the kernel refuses it", () => {
  const { watched, actions } = watchTransactions(netlink);
  dropGuards({ netlink: watched, invocation: stageCommands(tools).invocation }, new Set([4]));
  expect(actions).toEqual(["delete the rules of unused port mappings against loopback addresses"]);
});

test("guardRemovals() deletes the rules of both families, those of earlier versions, and no other", () => {
  const former = '-A PREROUTING -d 127.0.0.0/8 -i eth1 -m comment --comment "CNI portfwd route_localnet" -j DROP';
  const foreign = "-A PREROUTING -d 127.0.0.0/8 ! -i lo -j DROP";
  const guards = [...guardRules(4), ...guardRules(6), former];
  expect(guardRemovals(["-P PREROUTING ACCEPT", foreign, ...guards].join("\n"))).toEqual(
    guards.map((rule) => rule.replace("-A", "-D")),
  );
});

describe("guardChanges()", () => {
  const former = `-A PREROUTING -d 127.0.0.0/8 -i br0 -m comment --comment "CNI portfwd route_localnet" -j DROP`;
  const foreign = "-A PREROUTING -d 127.0.0.0/8 -i br0 -j DROP";

  test("keeps everybody but the host from what is for it alone, in both families", () => {
    const comment = `-m comment --comment "CNI portfwd loopback" -j DROP`;
    expect(guardChanges("-P PREROUTING ACCEPT", 4)).toEqual([
      `-A PREROUTING -d 127.0.0.0/8 ! -i lo ${comment}`,
      `-A PREROUTING -s 127.0.0.0/8 ! -i lo ${comment}`,
    ]);
    expect(guardChanges("", 6)).toEqual([
      `-A PREROUTING -d ::1/128 ! -i lo ${comment}`,
      `-A PREROUTING -s ::1/128 ! -i lo ${comment}`,
    ]);
  });

  test("takes away an earlier version's rules for single links, and no others", () => {
    expect(guardChanges([former, foreign, ...guardRules(4)].join("\n"), 4)).toEqual([former.replace("-A", "-D")]);
  });
});
