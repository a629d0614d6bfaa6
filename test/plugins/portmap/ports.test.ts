import { beforeEach, describe, expect, test, vi } from "vitest";
import { encodeRedirect } from "../../../plugins/portmap/nftables-maps.ts";
import { createElement } from "../../../src/netfilter/nftables/element.ts";
import { applyTransaction } from "../../../src/netfilter/nftables/transaction.ts";
import { address } from "../../netlink/text.ts";
import { addGoTable, type GoRule } from "./go-tables.ts";
import { C1, C2, chainOf, PortHost, referenceRules, SHARED_RULES } from "./port-host.ts";

const held = vi.hoisted((): number[] => []);

vi.mock("../../../src/netfilter/rule-locks.ts", async () => (await import("./replaced.ts")).ruleLocks);
vi.mock("../../../src/netfilter/executable.ts", async () => (await import("./replaced.ts")).executable);
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async () => (await import("./replaced.ts")).legacyTable);
vi.mock("../../../src/linux/aside.ts", () => ({ holdAside: (_: number, time: number) => void held.push(time) }));

let host: PortHost;

beforeEach(() => {
  host = new PortHost();
  held.splice(0);
});

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const dns = { hostPort: 53, containerPort: 5353, protocol: "udp" };
const IPTABLES = { backend: "iptables" };
const NFTABLES = { backend: "nftables" };
const TWO = { containerId: "c2", ips: C2 };

const dnat = () => host.iptables.rules().filter((line) => line.includes("-j DNAT"));
const failed = (message: unknown) => expect.objectContaining({ code: 104, message });

/** The Go plugin's nftables rules for 8080/tcp of a container, of one family. */
const goRules = (containerId: string, to: string): readonly GoRule[] => [{ containerId, hostPort: 8080, to: [to, 80] }];
const goMappings = () => host.rulesWith("cni_hostport chain hostports: ").length;

describe("ADD with nftables", () => {
  test.each([
    [{}, ["from_10.88.0.0/16_0x2000", "from_fd00-88--/64_0x2000"], ["0x2000"], "1"],
    [{ markMasqBit: 5 }, ["from_10.88.0.0/16_0x20", "from_fd00-88--/64_0x20"], ["0x20"], "1"],
    [{ masqAll: true, markMasqBit: 31 }, ["from_any_0x80000000"], ["0x80000000"], "1"],
    [{ snat: false, masqAll: true }, [], [], "0"],
  ])("of %j marks the packets whose answers would bypass the host", (fields, ways, marks, localnet) => {
    host.add([web], fields);
    const names = (prefix: string) =>
      host
        .rulesWith(`chain ${prefix}`)
        .flatMap((line) => new RegExp(` chain (${prefix}[^ :]*)( hook.*)?$`).exec(line)?.[1] ?? []);
    expect(names("from_")).toEqual(ways);
    expect(names("masquerade_")).toEqual(marks.map((mark) => `masquerade_${mark}`));
    expect(host.localnet).toBe(localnet);
    expect(host.targets()).toEqual(["8080->80/tcp of 10.88.0.2", "8080->80/tcp of fd00:88::2"]);
    host.check([web], fields);
  });

  test.each([
    ["127.0.0.1", ["127.0.0.1:8080->80/tcp of 10.88.0.2"], "1"],
    ["0.0.0.0", ["8080->80/tcp of 10.88.0.2"], "1"],
    ["192.0.2.1", ["192.0.2.1:8080->80/tcp of 10.88.0.2"], "0"],
    ["::", ["8080->80/tcp of fd00:88::2"], "0"],
    ["::1", ["[::1]:8080->80/tcp of fd00:88::2"], "0"],
  ])("of hostIP %s maps %j, with route_localnet %s", (hostIP, targets, localnet) => {
    host.add([{ ...web, hostIP }]);
    expect(host.targets()).toEqual(targets);
    expect(host.localnet).toBe(localnet);
  });

  test("leaves the attachment its earlier mappings if one of the new ones is taken", () => {
    host.add([{ ...web, hostPort: 81 }], {}, TWO);
    host.add([web]);
    const before = host.kernel.snapshot();
    expect(() => host.add([dns, { ...web, hostPort: 81 }])).toThrow(expect.objectContaining({ code: 111 }));
    expect(host.kernel.snapshot()).toEqual(before);
  });

  test("deletes tracked UDP connections that led elsewhere, and goes on where they cannot be listed", () => {
    host.track(53, "10.88.0.9", 53);
    host.track(54, "10.88.0.9", 53);
    host.add([dns]);
    expect(host.connections).toEqual([54]);
    expect(host.log).toEqual([]);
    const before = host.kernel.requests;
    host.add([dns]);
    const count = host.kernel.log.slice(before).findIndex((line) => line.includes("list the tracked connections"));
    host.kernel.refuse(count + 1);
    host.add([dns]);
    expect(host.log).toEqual([expect.stringMatching(/^Cannot delete tracked UDP connections to mapped ports: /)]);
    expect(host.targets()).toHaveLength(2);
  });
});

describe("an ADD that fails after its first change deletes the attachment's mappings of both backends", () => {
  beforeEach(() => {
    host.add([web], IPTABLES);
    host.add([dns], NFTABLES);
    host.add([{ ...dns, hostPort: 54 }], NFTABLES, TWO);
  });

  test.each([
    ["nft refuses its conditions", { conditionsV4: ["bad"] }, [{ status: 1, stderr: "syntax error" }], 7],
    [
      "ip6tables refuses its rules",
      IPTABLES,
      [() => {}, ...Array.from({ length: 5 }, () => ({ status: 1, stderr: "" }))],
      107,
    ],
  ])("as %s", (_, fields, answers, code) => {
    host.iptables.before.push(...answers);
    expect(() => host.add([{ ...web, hostPort: 81 }], fields)).toThrow(expect.objectContaining({ code }));
    expect(host.targets()).toEqual(["54->5353/udp of 10.88.0.3", "54->5353/udp of fd00:88::3"]);
    for (const family of [4, 6] as const)
      expect(host.iptables.chains(family).filter((name) => name.startsWith("CNI-DN"))).toEqual([]);
  });
});

describe("ADD refuses a port", () => {
  test.each([
    ["of all addresses", {}, {}, "Cannot map 0.0.0.0:8080/tcp: it is mapped to 10.88.0.3:80, interface"],
    ["of one, where all are mapped", {}, { hostIP: "192.0.2.1" }, "192.0.2.1:8080/tcp: 0.0.0.0:8080/tcp is mapped to"],
    ["of all, where one is mapped", { hostIP: "::1" }, {}, "Cannot map [::]:8080/tcp: [::1]:8080/tcp is mapped to"],
  ])("%s that another container has in nftables, for iptables too", (_, theirs, ours, message) => {
    host.add([{ ...web, ...theirs }], NFTABLES, TWO);
    for (const fields of [NFTABLES, IPTABLES])
      expect(() => host.add([dns, { ...web, ...ours }], fields)).toThrow(
        expect.objectContaining({ code: 111, message: expect.stringContaining(message) }),
      );
    expect(host.iptables.commands).toEqual([]);
  });

  test.each([NFTABLES, IPTABLES])("of the Go plugin's nftables backend, for %j", (fields) => {
    addGoTable(host.kernel, 4, goRules("c2", "10.88.0.3"));
    const message = 'Cannot map 0.0.0.0:8080/tcp: it is mapped to 10.88.0.3:80, container "c2"';
    expect(() => host.add([web], fields)).toThrow(expect.objectContaining({ code: 111, message }));
    expect([host.targets(), dnat()]).toEqual([[], []]);
  });

  test.each([
    ["the same container", [web], { ips: C2, containerId: "c2", network: "net2" }],
    ["another port", [{ ...web, hostPort: 81 }], {}],
    ["another protocol", [{ ...web, protocol: "sctp" }], {}],
  ])("but not for %s", (_, mappings, called) => {
    host.add([web], NFTABLES, TWO);
    addGoTable(host.kernel, 6, goRules("c2", "fd00:88::3"));
    host.add(mappings, IPTABLES, called);
    expect(dnat()).toHaveLength(1);
    host.add([dns], IPTABLES, called);
  });
});

test("a port of an element without an owner is another's: ADD refuses it, and CHECK says so", () => {
  host.add([dns], {}, TWO);
  const redirect = {
    protocol: "tcp",
    hostIp: undefined,
    hostPort: 8080,
    to: address("10.88.0.9"),
    toPort: 80,
  } as const;
  const owner = { network: "", ifname: "", containerId: "" };
  const { set, element } = encodeRedirect(redirect, { chain: "translate", owner }).target;
  const { userdata: _, ...bare } = element;
  applyTransaction(host.kernel.openNetfilter(), [createElement(set, bare)], { action: "nft add element" });
  const message = "Cannot map 0.0.0.0:8080/tcp: it is mapped to 10.88.0.9:80, by rules that do not say whose they are";
  for (const fields of [NFTABLES, IPTABLES])
    expect(() => host.add([web], fields)).toThrow(expect.objectContaining({ code: 111, message }));
  expect(() => host.check([web])).toThrow(
    failed(expect.stringContaining("targets4 of table cni_portmap belongs to another")),
  );
});

describe("DEL", () => {
  /** Mappings of every kind: of both backends and of the Go plugin, of c1 and c2. */
  function mapAll(): void {
    for (const [containerId, ips, hostPort] of [
      ["c1", C1, 53],
      ["c2", C2, 54],
    ] as const) {
      host.add([{ ...dns, hostPort }], NFTABLES, { containerId, ips });
      host.add([{ ...dns, hostPort: hostPort + 10 }], IPTABLES, { containerId, ips });
      host.iptables.restore(4, referenceRules(containerId, "10.88.0.9:80"));
    }
    addGoTable(host.kernel, 4, [
      ...goRules("c1", "10.88.0.2"),
      ...goRules("c1", "10.99.0.2"),
      ...goRules("c2", "10.88.0.3"),
    ]);
  }

  test.each(["legacy", "nft"] as const)(
    "deletes the attachment's mappings of every kind, beside iptables-%s",
    (variant) => {
      host.iptables.variant = variant;
      mapAll();
      // The second ADD of each has replaced nothing of the first: that is in the other backend.
      expect([host.targets().length, dnat().length, goMappings()]).toEqual([4, 4, 3]);
      host.del({ backend: "iptables" }, { ips: C1 });
      expect(host.targets()).toEqual(["54->5353/udp of 10.88.0.3", "54->5353/udp of fd00:88::3"]);
      expect(host.iptables.rules().filter((line) => line.includes("c1") || line.includes(chainOf()))).toEqual([]);
      expect(dnat()).toHaveLength(2);
      // Of the Go plugin's rules, which name no network, those with the attachment's addresses.
      expect(goMappings()).toBe(2);
      host.del();
      expect(goMappings()).toBe(1);
      const before = host.kernel.snapshot();
      host.del();
      expect(host.kernel.snapshot()).toEqual(before);
    },
  );

  test("deletes what it can, and then says what it could not", () => {
    mapAll();
    host.iptables.before.push({ status: 4, stderr: "holding the xtables lock" });
    const message = expect.stringMatching(/^Cannot delete iptables rules of eth0 of container c1: /);
    expect(() => host.del()).toThrow(expect.objectContaining({ code: 11, message }));
    expect(host.targets()).toHaveLength(2);
    expect(goMappings()).toBe(1);
    expect(host.iptables.rules(6).filter((line) => line.includes(chainOf()))).toEqual([]);
    host.del();
    expect(dnat()).toHaveLength(2);
  });

  test.each([
    ["an invalid configuration", { markMasqBit: 99, runtimeConfig: { portMappings: [web] } }],
    ["none of its former mappings", { runtimeConfig: { portMappings: [{ ...web, hostPort: 9 }] } }],
  ])("needs no configuration: it deletes as much with %s", (_, fields) => {
    mapAll();
    host.track(53, "10.88.0.2", 5353);
    host.del(fields, { ips: C1 });
    expect([host.targets().length, dnat().length]).toEqual([2, 2]);
    expect(host.connections).toEqual([]);
  });

  test("deletes tracked UDP connections of the mappings that it deletes, by any backend", () => {
    host.add([dns], NFTABLES);
    host.track(53, "10.88.0.2", 5353);
    host.track(63, "10.88.0.2", 5353);
    host.del();
    expect(host.connections).toEqual([63]);
    host.add([dns], IPTABLES);
    host.track(53, "10.88.0.2", 5353);
    host.iptables.commands.splice(0);
    // The configuration says which, so no command lists them.
    host.del({ runtimeConfig: { portMappings: [dns] } }, { ips: C1 });
    expect(host.connections).toEqual([63]);
    expect(host.iptables.commands.filter((line) => line.includes("-S CNI-DN"))).toEqual([]);
    host.add([dns], IPTABLES);
    host.track(53, "10.88.0.2", 5353);
    host.del({ runtimeConfig: { portMappings: [dns] } });
    expect(host.connections).toEqual([63]);
    // Nothing is left of the Go plugin's but what the configuration says.
    host.del({ runtimeConfig: { portMappings: [{ ...dns, hostPort: 63 }] } }, { ips: C1 });
    expect(host.connections).toEqual([]);
  });

  test("succeeds where nothing is known of the mappings: no rules, and a configuration that ADD refuses", () => {
    host.iptables.restore(4, SHARED_RULES);
    host.track(53, "10.88.0.2", 5353);
    host.del({ markMasqBit: 99, runtimeConfig: { portMappings: [dns] } }, { ips: C1 });
    host.del({ runtimeConfig: { portMappings: [dns] } });
    expect(host.connections).toEqual([53]);
    expect(host.log).toEqual([]);
  });

  test("lists no iptables rules if elements of nf_tables said which mappings there were", () => {
    mapAll();
    host.iptables.commands.splice(0);
    host.del();
    expect(host.iptables.commands.filter((line) => line.includes("-S CNI-DN"))).toEqual([]);
  });

  test("leaves the kernel's work to a process of its own if elements were deleted, and only then", () => {
    host.add([dns], IPTABLES);
    host.del();
    expect(held).toEqual([]);
    host.add([dns]);
    host.del();
    expect(held).toHaveLength(1);
  });
});

describe("CHECK", () => {
  test.each([
    ["nftables", NFTABLES, IPTABLES],
    ["iptables", IPTABLES, NFTABLES],
  ])("accepts mappings of %s, whatever backend the configuration names by now", (_, made, now) => {
    host.add([web], made);
    host.check([web], now);
    host.check([web], made);
    expect(() => host.check([dns], now)).toThrow(
      failed(expect.stringMatching(now === NFTABLES ? /^Nftables chain/ : /^The iptables rule/)),
    );
  });

  test("accepts mappings of the Go plugin, of either backend", () => {
    const only4 = { ...web, hostIP: "0.0.0.0" };
    host.kernel.host.sysctls.write("net/ipv4/conf/cni0/route_localnet", "1");
    addGoTable(host.kernel, 4, goRules("c1", "10.88.0.2"));
    host.check([only4], NFTABLES);
    host.check([only4], IPTABLES);
    expect(() => host.check([web], NFTABLES)).toThrow(failed(expect.stringContaining("is missing")));
    host = new PortHost();
    host.kernel.host.sysctls.write("net/ipv4/conf/cni0/route_localnet", "1");
    host.iptables.restore(4, [...SHARED_RULES, ...referenceRules("c1", "10.88.0.2:80")]);
    host.check([only4], NFTABLES);
  });

  test("says what it cannot list, and of which tables", () => {
    host.iptables.missing.add("iptables").add("iptables-legacy");
    const message = "Cannot list iptables rules: iptables is not installed: install iptables";
    expect(() => host.check([web], IPTABLES)).toThrow(failed(expect.stringContaining(message)));
    expect(() => host.check([web], NFTABLES)).toThrow(failed(expect.stringMatching(/^Nftables chain/)));
    host.hasNftables = false;
    expect(() => host.check([web], IPTABLES)).toThrow(failed(expect.stringContaining(message)));
  });
});
