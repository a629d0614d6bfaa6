import { beforeEach, describe, expect, test, vi } from "vitest";
import type { FilterTable } from "../../../plugins/firewall/iptables.ts";
import { plugin } from "../../../plugins/firewall/main.ts";
import type { Result } from "../../../src/cni/result.ts";
import type { Address, Family } from "../../../src/ip/address.ts";
import { IptablesError } from "../../../src/netfilter/iptables/tool.ts";
import { ERRNO, LinuxError } from "../../../src/platform/errno.ts";
import type { Host } from "../../../src/steps/host.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { leased, requestOf, type Verb } from "../verb-cases.ts";
import { OtherFirewalls } from "./other-firewalls.ts";

let others: OtherFirewalls;
let droppingChains: readonly string[];

vi.mock("../../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));

vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: (family: Family, table: string) => table === "filter" && others.chains[family].size > 0,
  readLegacyTable: (family: Family, table: string) =>
    table === "filter" && others.chains[family].size > 0 ? {} : undefined,
}));

vi.mock("../../../src/netfilter/iptables/legacy-filter.ts", () => ({
  decodeLegacyFilter: (family: Family) => others.find(family),
}));

vi.mock("../../../src/netfilter/forward-refusal.ts", () => ({
  findForwardRefusal: (_: unknown, { family, variant }: FilterTable) =>
    variant === "legacy" && others.chains[family].size > 0 ? `FORWARD of family ${family} drops` : undefined,
  listDroppingChains: () => droppingChains,
}));

vi.mock("../../../src/netfilter/iptables/tool.ts", async (original) => ({
  ...(await original<object>()),
  findRestore: () => "/sbin/iptables-legacy-restore",
  variantOf: () => "legacy",
  startRestore: (family: Family, input: string, _: unknown, { variant }: { variant?: string }) => {
    if (variant !== "legacy") throw new Error("this host has iptables-legacy only");
    return () => others.restore(family, input);
  },
}));

vi.mock("../../../src/steps/firewalld.ts", () => ({
  findFirewalld: () => (others.sources === undefined ? undefined : others),
  addSources: (found: OtherFirewalls, zone: string, addresses: readonly Address[]) => found.addSources(zone, addresses),
  removeSources: (found: OtherFirewalls, zone: string, addresses: readonly Address[]) =>
    found.removeSources(zone, addresses),
  missingSources: (found: OtherFirewalls, zone: string, addresses: readonly Address[]) =>
    found.missingSources(zone, addresses),
}));

beforeEach(() => {
  others = new OtherFirewalls();
  droppingChains = [];
});

/** What an interface plugin printed before: the bridge, and addresses of both families. */
const given: Result = { ...leased, interfaces: [{ name: "cni0" }] };
const ONLY_4: Result = { ...given, ips: given.ips.slice(0, 1) };

/** A host, with nf_tables or without. */
function machine({ nftables = true } = {}) {
  const kernel = new FakeKernel();
  const log: string[] = [];
  const openNetfilter = () => {
    throw new LinuxError("open a socket", { syscall: "socket", errno: ERRNO.EPROTONOSUPPORT });
  };
  const open = (): Host => {
    const host = hostOn(kernel);
    if (nftables) return host;
    const parts = Object.getOwnPropertyDescriptors(host);
    return Object.defineProperties({} as Host, { ...parts, openNetfilter: { value: openNetfilter } });
  };
  const request = (verb: Verb, fields: object, options: Parameters<typeof requestOf>[2]) => ({
    ...requestOf(verb, { plugin, fields }, options),
    log: (line: string) => void log.push(line),
  });
  return {
    log,
    add: (fields = {}, result = given) => plugin.add(request("ADD", fields, { given: result }), open()),
    check: (fields = {}, result = given) => plugin.check(request("CHECK", fields, { given: result }), open()),
    del: (fields = {}, result = given) => plugin.del(request("DEL", fields, { given: result }), open()),
    delWithoutResult: () => plugin.del(request("DEL", {}, {}), open()),
    /** ADD of another container that has the same addresses. */
    addOther: () => plugin.add({ ...request("ADD", {}, { given }), containerId: "c2" }, open()),
    gc: (fields = {}, isStale = true) => plugin.gc?.(request("GC", fields, { isStale }), open()),
    elements: () => kernel.snapshot()["host"]?.rules.filter((line) => line.includes(" element ")),
  };
}

/** The rules that the Go plugin adds for the container's addresses of one family. */
const ADDRESS_RULES: Record<Family, readonly string[]> = {
  4: ["-d 10.88.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-s 10.88.0.2/32 -j ACCEPT"],
  6: ["-d fd00:88::2/128 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-s fd00:88::2/128 -j ACCEPT"],
};
const TO_FORWARD = '-m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD';
const TO_ADMIN = '-m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN';

function referenceTable(family: Family): Map<string, string[]> {
  return new Map([
    ["FORWARD", [TO_FORWARD]],
    ["CNI-FORWARD", [TO_ADMIN, ...ADDRESS_RULES[family]]],
    ["CNI-ADMIN", []],
  ]);
}

const CHECK_FAILED = expect.objectContaining({ code: 104 });

describe("firewall beside iptables-legacy", () => {
  test.each([4, 6] as const)("ADD adds the Go plugin's rules to a table of family %i that drops", (family) => {
    others.dropForwarded(family);
    const { add, check } = machine();
    expect(add()).toMatchObject(given);
    expect(others.chains[family]).toEqual(referenceTable(family));
    expect(others.chains[family === 4 ? 6 : 4].size).toBe(0);
    expect(others.inputs).toHaveLength(1);
    check();
  });

  test("ADD adds what is missing, and runs no command if nothing is", () => {
    others.dropForwarded(4, 6);
    const { add } = machine();
    add();
    others.chains[4].get("CNI-FORWARD")?.pop();
    add();
    expect(others.chains[4]).toEqual(referenceTable(4));
    expect(others.inputs).toHaveLength(3);
    expect(others.inputs[2]).toBe(`*filter\n-A CNI-FORWARD ${ADDRESS_RULES[4][1]}\nCOMMIT\n`);
  });

  test("ADD leaves a family alone in which the container has no address", () => {
    others.dropForwarded(4, 6);
    machine().add({ backend: "iptables" }, ONLY_4);
    expect(others.chains[6]).toEqual(new Map([["FORWARD", []]]));
  });

  test("CHECK names each rule that a table lacks", () => {
    others.dropForwarded(4, 6);
    const { add, check } = machine();
    add({ iptablesAdminChainName: "OPS" });
    check({ iptablesAdminChainName: "OPS" });
    others.chains[6].set("CNI-FORWARD", []);
    const lines = ['-m comment --comment "CNI firewall plugin admin overrides" -j OPS', ...ADDRESS_RULES[6]];
    for (const line of lines) expect(() => check({ iptablesAdminChainName: "OPS" })).toThrow(line);
    expect(() => check({ iptablesAdminChainName: "OPS" })).toThrow("Table filter of ip6tables-legacy lacks '-I CNI");
    expect(() => check({ iptablesAdminChainName: "OPS" })).not.toThrow("Table filter of iptables-legacy");
  });

  test("DEL deletes the container's rules from each table, and nobody else's", () => {
    others.dropForwarded(4, 6);
    const { add, del, elements } = machine();
    const foreign = "-s 10.88.0.3/32 -j ACCEPT";
    others.chains[4].set("CNI-FORWARD", [foreign]);
    add();
    del();
    expect(others.chains[4].get("CNI-FORWARD")).toEqual([TO_ADMIN, foreign]);
    expect(others.chains[6].get("CNI-FORWARD")).toEqual([TO_ADMIN]);
    expect(elements()).toEqual([]);
    const before = others.inputs.length;
    del();
    expect(others.inputs).toHaveLength(before);
  });

  test("DEL finds the Go plugin's rules by prevResult, unless the address is another container's by now", () => {
    others.chains[4] = referenceTable(4);
    const { addOther, del, delWithoutResult } = machine();
    delWithoutResult();
    expect(others.chains[4]).toEqual(referenceTable(4));
    del();
    expect(others.chains[4].get("CNI-FORWARD")).toEqual([TO_ADMIN]);
    addOther();
    del();
    expect(others.chains[4]).toEqual(referenceTable(4));
  });

  test("GC deletes the rules of stale attachments, and leaves those of valid ones", () => {
    others.dropForwarded(4);
    const { add, gc } = machine();
    add();
    gc({}, false);
    gc({ "cni.dev/valid-attachments": undefined });
    expect(others.chains[4]).toEqual(referenceTable(4));
    gc();
    expect(others.chains[4].get("CNI-FORWARD")).toEqual([TO_ADMIN]);
  });

  test("a command that lost a race is tried again with what is missing then, five times", () => {
    others.dropForwarded(4);
    const { add, del } = machine();
    const chains = () => others.chains[4];
    others.before.push(() => void chains().set("CNI-FORWARD", []));
    add();
    expect(chains()).toEqual(referenceTable(4));
    const rules = chains().get("CNI-FORWARD") ?? [];
    others.before.push(() => void rules.splice(rules.indexOf(ADDRESS_RULES[4][1] ?? ""), 1));
    del();
    expect(chains().get("CNI-FORWARD")).toEqual([TO_ADMIN]);
  });

  test.each([
    { verb: "ADD", failure: "refused", tries: 5 },
    { verb: "ADD", failure: "busy", tries: 1 },
    { verb: "DEL", failure: "refused", tries: 5 },
    { verb: "DEL", failure: "busy", tries: 1 },
  ] as const)("$verb fails after $tries commands that are $failure", ({ verb, failure, tries }) => {
    others.dropForwarded(4);
    const { add, del, elements } = machine();
    if (verb === "DEL") add();
    let count = 0;
    const refuse = () => {
      count += 1;
      others.before.push(refuse);
      throw new IptablesError(failure, "the command says no");
    };
    others.before.push(refuse);
    const what = verb === "ADD" ? "let a container's addresses through iptables" : "delete iptables rules of";
    const error = { code: failure === "busy" ? 11 : 107, message: expect.stringContaining(`Cannot ${what}`) };
    expect(() => (verb === "ADD" ? add() : del())).toThrow(expect.objectContaining(error));
    expect(count).toBe(tries);
    expect(elements()?.length === 0).toBe(verb === "ADD");
  });

  test("a failure after the rules takes them back", () => {
    others.dropForwarded(4);
    others.sources = new Set();
    others.addSources = () => {
      throw new Error("firewalld ended");
    };
    const { add, elements } = machine();
    expect(() => add()).toThrow("firewalld ended");
    expect(others.chains[4].get("CNI-FORWARD")).toEqual([TO_ADMIN]);
    expect(elements()).toEqual([]);
  });

  test("a failed source is taken back, too", () => {
    others.sources = new Set();
    const { addSources } = others;
    others.addSources = (zone, addresses) => {
      addSources.call(others, zone, addresses);
      throw new Error("firewalld ended");
    };
    expect(() => machine().add()).toThrow("firewalld ended");
    expect([...others.sources]).toEqual([]);
  });
});

describe("firewall beside firewalld", () => {
  test("ADD, CHECK and DEL keep the container's addresses in the zone", () => {
    others.sources = new Set(["192.0.2.1 in home"]);
    const { add, check, del, elements } = machine();
    add({ firewalldZone: "home" });
    expect([...others.sources]).toEqual(["192.0.2.1 in home", "10.88.0.2 in home", "fd00:88::2 in home"]);
    check({ firewalldZone: "home" });
    others.sources.delete("10.88.0.2 in home");
    expect(() => check({ firewalldZone: "home" })).toThrow("10.88.0.2 in home is missing");
    del({ firewalldZone: "home" });
    expect([...others.sources]).toEqual(["192.0.2.1 in home"]);
    expect(elements()).toEqual([]);
  });
});

describe("CHECK of what the Go plugin set up", () => {
  test.each([
    { title: "iptables", prepare: () => Object.assign(others.chains, { 4: referenceTable(4), 6: referenceTable(6) }) },
    { title: "firewalld", prepare: () => void machineWithSources() },
  ])("accepts $title, but not with our own backend", ({ prepare }) => {
    prepare();
    const { check } = machine();
    check();
    expect(() => check({ backend: "nftables" })).toThrow(CHECK_FAILED);
  });

  test("reports a family without rules, and each rule that is missing", () => {
    others.chains[4] = referenceTable(4);
    const { check } = machine();
    check({}, ONLY_4);
    expect(() => check()).toThrow(CHECK_FAILED);
    others.chains[6] = referenceTable(6);
    check();
    others.chains[6].get("CNI-FORWARD")?.pop();
    expect(() => check()).toThrow(ADDRESS_RULES[6][1]);
  });

  test("accepts iptables rules of a policy without the rule for published ports, which only ADD here makes", () => {
    const policy = { ingressPolicy: "same-bridge" };
    others.dropForwarded(4);
    machine().add(policy, ONLY_4);
    const forward = others.chains[4].get("FORWARD") ?? [];
    others.chains[4].set(
      "FORWARD",
      forward.filter((text) => !text.includes("published ports")),
    );
    expect(others.chains[4].get("FORWARD")).not.toEqual(forward);
    machine().check(policy, ONLY_4);
    others.chains[4].delete("CNI-ISOLATION-STAGE-2");
    expect(() => machine().check(policy, ONLY_4)).toThrow(CHECK_FAILED);
  });

  test("does not accept firewalld for a policy, which it cannot enforce", () => {
    machineWithSources();
    expect(() => machine().check({ ingressPolicy: "isolated" })).toThrow(CHECK_FAILED);
  });

  test("does not accept firewalld without the container's addresses", () => {
    others.sources = new Set();
    expect(() => machine().check()).toThrow("10.88.0.2 in trusted is missing");
  });

  function machineWithSources(): void {
    others.sources = new Set();
    others.addSources(
      "trusted",
      given.ips.map(({ address }) => address.address),
    );
  }
});

describe("firewall on a kernel without nf_tables", () => {
  test("uses iptables, also for a policy", () => {
    others.dropForwarded(4, 6);
    const { add, check, del } = machine({ nftables: false });
    add({ ingressPolicy: "isolated" });
    check({ ingressPolicy: "isolated" });
    expect(others.chains[4].get("CNI-ISOLATION-STAGE-1")).toHaveLength(3);
    others.chains[4].get("CNI-ISOLATION-STAGE-1")?.shift();
    expect(() => check({ ingressPolicy: "isolated" })).toThrow("Table filter of iptables-legacy lacks");
    del({ ingressPolicy: "isolated" });
    expect(others.chains[4].get("CNI-FORWARD")).toEqual([TO_ADMIN]);
  });

  test("refuses a policy that firewalld would not enforce, before it changes anything", () => {
    others.sources = new Set();
    const refused = expect.objectContaining({
      code: 2,
      message: 'Cannot use ingressPolicy "isolated": the kernel has no nf_tables: set backend to "iptables"',
    });
    const { add } = machine({ nftables: false });
    expect(() => add({ ingressPolicy: "isolated" })).toThrow(refused);
    expect(others.sources.size).toBe(0);
    add();
    expect(others.sources.size).toBe(2);
  });
});

test("ADD logs what may cut the container off", () => {
  const { add, log } = machine();
  add();
  expect(log).toEqual([]);
  others.dropForwarded(6);
  droppingChains = ["chain forward of table inet filter"];
  add({ backend: "nftables" });
  expect(log).toEqual([
    "The container may be cut off: FORWARD of family 6 drops",
    "The container is cut off unless rules there accept its packets: chain forward of table inet filter",
  ]);
});

test("cnictl learns that firewall is chained, and what it refuses", () => {
  const found = plugin.configuration?.();
  expect(found?.place).toBe("chained");
  const parse = (fields: object) => found?.parse(requestOf("ADD", { plugin, fields }));
  expect(parse({})).toEqual({});
  expect(() => parse({ backend: "other" })).toThrow("must be one of");
});
