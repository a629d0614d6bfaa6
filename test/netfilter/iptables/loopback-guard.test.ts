import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Family } from "../../../src/ip/address.ts";
import { dropGuards, guardChanges, guardRemovals, guardRules } from "../../../src/netfilter/iptables/loopback-guard.ts";
import { invocationFor } from "../../../src/netfilter/iptables/tool.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { addRule, listRules } from "../../../src/netfilter/nftables/rule.ts";
import { DROP } from "../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";

vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({ findInLegacy: () => [] }));

const RAW = { 4: { family: 2, table: "raw" }, 6: { family: 10, table: "raw" } } as const;
const CHAIN = "PREROUTING";

let netlink: Nfnetlink;

beforeEach(() => {
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

function drop(...inUse: readonly Family[]): readonly string[] {
  const launch = () => {
    throw new Error("Nothing was expected to start a command");
  };
  return dropGuards({ netlink, invocation: invocationFor({ environment: {}, launch }) }, new Set(inUse));
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
