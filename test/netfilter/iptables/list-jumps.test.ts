import { beforeEach, expect, test, vi } from "vitest";
import { listJumps } from "../../../src/netfilter/iptables/list-jumps.ts";
import { addChain } from "../../../src/netfilter/nftables/chain.ts";
import { addRule } from "../../../src/netfilter/nftables/rule.ts";
import { jump } from "../../../src/netfilter/nftables/statement.ts";
import { addTable } from "../../../src/netfilter/nftables/table.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { commented } from "../../../src/netfilter/nftables/userdata.ts";
import { IPTABLES_NAT } from "../../../src/netfilter/tables.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { address } from "../../netlink/text.ts";
import { installTools, stageCommands } from "./commands.ts";

/** Whether iptables-legacy's table has the text, and what was looked for. */
const table = vi.hoisted(() => ({ hasText: true, asked: [] as unknown[] }));

vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  findInLegacy: (...asked: readonly [number, string, readonly string[]]) => {
    table.asked.push(asked);
    return table.hasText ? asked[2] : [];
  },
}));

const tools = installTools("ip6tables", "ip6tables-legacy");
const LISTING = `-P PREROUTING ACCEPT
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A PREROUTING -s fd00::2/128 -m comment --comment ports -j CNI-LEGACY
-A PREROUTING -m comment --comment "all ports" -j CNI-HOSTPORT-DNAT
`;
const LEGACY_JUMPS = [
  { chain: "CNI-LEGACY", source: address("fd00::2"), comment: "ports" },
  { chain: "CNI-HOSTPORT-DNAT", source: undefined, comment: "all ports" },
];
const NFT_JUMP = { chain: "CNI-NFT", source: undefined, comment: "ports" };

let netlink: Nfnetlink;

beforeEach(() => {
  Object.assign(table, { hasText: true, asked: [] });
  netlink = new FakeKernel().openNetfilter();
  const { family, table: name } = IPTABLES_NAT[6];
  const changes = [
    addTable({ family, name, flags: 0 }),
    ...["PREROUTING", "CNI-NFT"].map((chain) => addChain({ family, table: name, name: chain })),
    addRule({
      ...{ family, table: name, chain: "PREROUTING", label: "jump" },
      expressions: [jump("CNI-NFT")],
      userdata: commented("rule", "ports"),
    }),
  ];
  applyTransaction(netlink, changes, { action: "arrange" });
});

test.each([
  ["of both variants of iptables", { hasNftables: true, hasText: true }, [NFT_JUMP, ...LEGACY_JUMPS]],
  ["of iptables-legacy alone on a kernel without nf_tables", { hasNftables: false, hasText: true }, LEGACY_JUMPS],
  ["of iptables-nft by netlink alone", { hasNftables: true, hasText: false }, [NFT_JUMP]],
  ["of neither where there are none", { hasNftables: false, hasText: false }, []],
])("listJumps() lists the jumps %s", (_, { hasNftables, hasText }, expected) => {
  table.hasText = hasText;
  const { invocation, started } = stageCommands(tools, [{ status: 0, text: LISTING }]);
  const iptables = { netlink: hasNftables ? netlink : undefined, invocation };
  const found = listJumps(iptables, 6, { from: "PREROUTING", text: "ports" });
  expect(found.map(({ chain, source, comment }) => ({ chain, source, comment }))).toEqual(expected);
  expect(table.asked).toEqual([[6, "nat", ["ports"]]]);
  expect(started).toEqual(hasText ? ["ip6tables-legacy -t nat -S PREROUTING "] : []);
});
