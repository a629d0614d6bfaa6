import { beforeEach, describe, expect, test, vi } from "vitest";
import { chainKey, conditionalChains } from "../../../plugins/portmap/nftables-rules.ts";
import { addRule, flushChain } from "../../../src/netfilter/nftables/rule.ts";
import { ACCEPT, goTo } from "../../../src/netfilter/nftables/statement.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import type { NetlinkRequest } from "../../../src/netlink/answers.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import { PortHost } from "./port-host.ts";

vi.mock("../../../src/netfilter/rule-locks.ts", async () => (await import("./replaced.ts")).ruleLocks);
vi.mock("../../../src/netfilter/executable.ts", async () => (await import("./replaced.ts")).executable);
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async () => (await import("./replaced.ts")).legacyTable);

let host: PortHost;

beforeEach(() => {
  host = new PortHost();
});

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const V4 = { conditionsV4: ["ip", "saddr", "192.0.2.0/24"] };
const V6 = { conditionsV6: ["ip6", "saddr", "!=", "{", "2001:db8::/32,", "fd00::/8", "}"] };

const chains = (family: 4 | 6) => conditionalChains({ network: "net1", ifname: "eth0", containerId: "c1" }, family);
const IF4 = chains(4).test;
const OUGHT = `Nftables chain ${IF4} must have one rule that goes to ${chains(4).passed}`;

/** As if the nft tool, or somebody else, changed the chain for conditions of IPv4. */
function change(...requests: readonly NetlinkRequest[]): void {
  applyTransaction(host.kernel.openNetfilter(), requests, { action: "nft" });
}
const ruleOf = (...expressions: Parameters<typeof addRule>[0]["expressions"] & object) =>
  addRule({ ...chainKey(IF4), chain: IF4, label: "rule", expressions });

/** Loads a value into a register, as the last part of a mapping's own rule does. */
const LOAD = { name: "immediate", data: { dreg: 1, data: { value: Uint8Array.of(1) } } } as const;

describe("ADD with conditions", () => {
  test("adds one rule with nft for each family with conditions, whose packets go on if they pass", () => {
    host.add([web], { ...V4, ...V6 });
    expect(host.iptables.commands).toEqual(["nft -f -"]);
    expect(host.iptables.inputs).toEqual([
      `add rule inet cni_portmap ${IF4} ip saddr 192.0.2.0/24 goto ${chains(4).passed}\n` +
        `add rule inet cni_portmap ${chains(6).test} ip6 saddr != { 2001:db8::/32, fd00::/8 } goto ${chains(6).passed}\n`,
    ]);
    const ways = host.rulesWith(" set ways").filter((line) => line.includes(" element "));
    expect(ways).toEqual([expect.stringContaining(IF4), expect.stringContaining(chains(6).test)]);
    expect(host.rulesWith(`chain ${chains(4).passed}: `)).toEqual([
      expect.stringContaining("from_10.88.0.0/16_0x2000"),
    ]);
    host.check([web], { ...V4, ...V6 });
    host.del();
    expect([host.rulesWith("if4_"), host.rulesWith("passed"), host.targets()]).toEqual([[], [], []]);
  });

  test("leaves packets of the family without conditions alone, and with snat off marks none", () => {
    host.add([web], { ...V4, snat: false });
    expect(host.iptables.inputs.join("").split("\n")).toHaveLength(2);
    expect(host.rulesWith("if6_")).toEqual([]);
    expect(host.rulesWith(`chain ${chains(4).passed}: `)).toEqual([expect.stringContaining("chain=translate")]);
    expect(host.rulesWith("from_")).toEqual([]);
    host.check([web], { ...V4, snat: false });
  });

  test("once more replaces them", () => {
    host.add([web], V4);
    host.add([web], { conditionsV4: ["iif", "eth0"] });
    expect(host.rulesWith(`chain ${IF4}: `)).toHaveLength(1);
    expect(host.iptables.inputs.at(-1)).toContain(`${IF4} iif eth0 goto`);
    host.add([web]);
    expect(host.rulesWith(IF4)).toEqual([]);
  });

  test("needs nft only for conditions of nftables, and says so before it changes anything", () => {
    host.iptables.missing.add("nft");
    host.add([web], { conditionsV4: [""] });
    host.add([web], { conditionsV4: ["!", "-s", "192.0.2.0/24"] });
    host.del();
    const before = host.kernel.snapshot();
    const message =
      "Cannot use conditions with nftables: nft is not installed: install nftables, or write the conditions for iptables";
    for (const fields of [V4, V6]) {
      const error = expect.objectContaining({ code: 2, message });
      expect(() => host.add([web], fields)).toThrow(error);
      expect(() => host.check([web], fields)).toThrow(error);
    }
    expect(() => host.status(V4)).toThrow(expect.objectContaining({ code: 50, message }));
    expect(host.kernel.snapshot()).toEqual(before);
  });

  test.each([";", "\n", "\r", "#", "\\", "\0", "{", "}", "{ {", "} {"])(
    "refuses %j, by which the conditions would not end with their rule",
    (text) => {
      const before = host.kernel.snapshot();
      const words = ["ip", "saddr", "192.0.2.0/24", text];
      for (const [name, fields] of Object.entries({
        V4: { conditionsV4: words },
        V6: { ...V4, conditionsV6: words },
      })) {
        const message = `Cannot use conditions${name} ${JSON.stringify(words.join(" "))}: must be part of one rule, with sets in braces`;
        expect(() => host.add([web], fields)).toThrow(expect.objectContaining({ code: 7, message }));
      }
      expect(host.kernel.snapshot()).toEqual(before);
      expect(host.iptables.commands).toEqual([]);
    },
  );

  test.each([
    ["{ tcp, udp }", "{ 192.0.2.1, 192.0.2.2 }"],
    ["meta", "mark", "{1,2}"],
  ])("lets sets in braces pass: %s", (...words) => {
    host.add([web], { conditionsV4: words });
    expect(host.iptables.inputs).toEqual([expect.stringContaining(` ${words.join(" ")} goto `)]);
  });
});

describe("ADD is taken back", () => {
  test.each([
    [
      "with nft's own words where it refuses",
      { status: 1, stderr: "Error: syntax error\n  add rule\n\n  ^^^\n" },
      "status 1: Error: syntax error; add rule; ^^^",
    ],
    ["where a signal ended nft", { status: undefined, signal: 9, stderr: "" }, "signal 9: "],
  ])("%s", (_, answer, text) => {
    host.iptables.before.push(answer);
    const message = `Cannot use conditions: /sbin/nft ended with ${text}`;
    expect(() => host.add([web], V4)).toThrow(expect.objectContaining({ code: 7, message }));
    expect([host.targets(), host.rulesWith("if4_"), host.rulesWith("element")]).toEqual([[], [], []]);
  });

  test("where nft cannot be run", () => {
    const cause = new LinuxError("run /sbin/nft", { syscall: "pidfd_open", errno: ERRNO.ETIMEDOUT });
    host.iptables.before.push(() => {
      throw cause;
    });
    const message = `Cannot use conditions: ${cause.message}`;
    expect(() => host.add([web], V4)).toThrow(expect.objectContaining({ code: 107, message, cause }));
    expect([host.targets(), host.rulesWith("if4_")]).toEqual([[], []]);
  });

  test.each([
    { title: "no rule", found: "0 rules", requests: [flushChain(chainKey(IF4))] },
    { title: "another rule as well", found: "2 rules", requests: [ruleOf(goTo(chains(4).passed))] },
    {
      title: "a rule that goes elsewhere",
      found: "another",
      requests: [flushChain(chainKey(IF4)), ruleOf(goTo("translate"))],
    },
    {
      title: "a rule that does more after the target",
      found: "another",
      requests: [flushChain(chainKey(IF4)), ruleOf(goTo(chains(4).passed), ACCEPT)],
    },
  ])("where nft added $title", ({ found, requests }) => {
    host.iptables.after = () => change(...requests);
    const message = `Cannot use conditions: ${OUGHT}, has ${found}`;
    expect(() => host.add([web], V4)).toThrow(expect.objectContaining({ code: 7, message }));
    expect([host.targets(), host.rulesWith("if4_")]).toEqual([[], []]);
  });
});

test("ADD names the chains of both families where nft did nothing, though it says that it did", () => {
  host.iptables.before.push({ status: 0, stderr: "" });
  const of6 = `Nftables chain ${chains(6).test} must have one rule that goes to ${chains(6).passed}`;
  const message = `Cannot use conditions: ${OUGHT}, has 0 rules; ${of6}, has 0 rules`;
  expect(() => host.add([web], { ...V4, ...V6 })).toThrow(expect.objectContaining({ message }));
});

describe("CHECK of conditions", () => {
  test.each([
    { title: "no rule", found: "0 rules", requests: [flushChain(chainKey(IF4))] },
    { title: "a second rule", found: "2 rules", requests: [ruleOf(goTo(chains(4).passed))] },
    {
      title: "a rule that ends without a verdict",
      found: "another",
      requests: [flushChain(chainKey(IF4)), ruleOf(LOAD)],
    },
    { title: "an empty rule", found: "another", requests: [flushChain(chainKey(IF4)), ruleOf()] },
  ])("reports $title, of each family with conditions", ({ found, requests }) => {
    const fields = { ...V4, ...V6 };
    host.add([web], fields);
    change(...requests);
    expect(() => host.check([web], fields)).toThrow(
      expect.objectContaining({ code: 104, message: `${OUGHT}, has ${found}` }),
    );
  });

  test("reports a change of the chain that packets pass next", () => {
    host.add([web], V4);
    change(flushChain(chainKey(chains(4).passed)));
    const message = expect.stringContaining(`chain ${chains(4).passed}`);
    expect(() => host.check([web], V4)).toThrow(expect.objectContaining({ code: 104, message }));
  });

  test("does not compare the conditions, but finds missing ones", () => {
    host.add([web], V4);
    host.check([web], { conditionsV4: ["iif", "eth0"] });
    expect(() => host.check([web])).toThrow(expect.objectContaining({ code: 104 }));
    host.add([web]);
    expect(() => host.check([web], V4)).toThrow(expect.objectContaining({ code: 104 }));
  });
});
