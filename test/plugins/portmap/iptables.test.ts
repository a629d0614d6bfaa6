import { beforeEach, describe, expect, test, vi } from "vitest";
import { C2, chainOf, PortHost, referenceRules, SHARED_RULES } from "./port-host.ts";

vi.mock("../../../src/netfilter/rule-locks.ts", async () => (await import("./replaced.ts")).ruleLocks);
vi.mock("../../../src/netfilter/executable.ts", async () => (await import("./replaced.ts")).executable);
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", async () => (await import("./replaced.ts")).legacyTable);

let host: PortHost;

const web = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const dns = { hostPort: 53, containerPort: 5353, protocol: "udp" };
const local = { ...web, hostIP: "127.0.0.1" };
const public4 = { ...web, hostIP: "192.0.2.1" };
const IPTABLES = { backend: "iptables" };
const TWO = { containerId: "c2", ips: C2 };

/** The error for a port of all addresses that container c2 has. */
const TAKEN = expect.objectContaining({
  code: 111,
  message:
    'Cannot map 0.0.0.0:8080/tcp: it is mapped to 10.88.0.3:80, interface "eth0" of container "c2" on network "net1"',
});

const guard = (loopback: string) =>
  ["-d", "-s"].map(
    (end) => `-A PREROUTING ${end} ${loopback} ! -i lo -m comment --comment "CNI portfwd loopback" -j DROP`,
  );
const GUARDS = { 4: guard("127.0.0.0/8"), 6: guard("::1/128") } as const;
const SHARED = ["CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-DNAT"];

/** The DNAT rules of a family. */
const dnat = (family: 4 | 6 = 4) => host.iptables.rules(family).filter((line) => line.includes("-j DNAT"));
/** The commands that changed a table, and how many there were. */
const restores = () => host.iptables.commands.filter((line) => line.includes("-restore"));
const c2HasIt = () => host.add([web], IPTABLES, TWO);

describe.each(["legacy", "nft"] as const)("backend iptables on a host with iptables-%s", (variant) => {
  beforeEach(() => {
    host = new PortHost();
    host.iptables.variant = variant;
  });

  const raw = (family: 4 | 6) => host.iptables.rules(family, { table: "raw" });

  test("ADD maps a port in both families, CHECK finds it, and DEL leaves what all mappings share", () => {
    expect(host.add([web], IPTABLES).ips).toHaveLength(2);
    const own = chainOf();
    const end = "-p tcp -m tcp --dport 8080";
    const to = '-m comment --comment "if: eth0" -j DNAT --to-destination';
    expect(host.iptables.rules(4).filter((line) => line.startsWith(`-A ${own}`))).toEqual([
      `-A ${own} -s 10.88.0.0/16 ${end} -j CNI-HOSTPORT-SETMARK`,
      `-A ${own} -s 127.0.0.1/32 ${end} -j CNI-HOSTPORT-SETMARK`,
      `-A ${own} ${end} ${to} 10.88.0.2:80`,
    ]);
    expect(host.iptables.rules(6).filter((line) => line.startsWith(`-A ${own}`))).toEqual([
      `-A ${own} -s fd00:88::/64 ${end} -j CNI-HOSTPORT-SETMARK`,
      `-A ${own} ${end} ${to} [fd00:88::2]:80`,
    ]);
    expect(host.localnet).toBe("1");
    expect(host.targets()).toEqual([]);
    host.check([web], IPTABLES);
    host.del();
    for (const family of [4, 6] as const) {
      expect(host.iptables.chains(family)).toEqual(SHARED);
      expect(host.iptables.rules(family)).toHaveLength(5);
      expect(host.iptables.rules(family).filter((line) => line.includes(own))).toEqual([]);
    }
    const before = restores().length;
    host.del();
    expect(restores()).toHaveLength(before);
  });

  test.each([
    { title: "all addresses", mapping: web, guarded: [4, 6] },
    { title: "127.0.0.1", mapping: local, guarded: [4] },
    { title: "::1", mapping: { ...web, hostIP: "::1" }, guarded: [6] },
    { title: "192.0.2.1", mapping: public4, guarded: [] },
  ])(
    "ADD of a port of $title keeps others from the loopback addresses of families $guarded",
    ({ mapping, guarded }) => {
      host.add([mapping], IPTABLES);
      for (const family of [4, 6] as const) expect(raw(family)).toEqual(guarded.includes(family) ? GUARDS[family] : []);
      host.check([mapping], IPTABLES);
    },
  );

  test("ADD runs no command for the rules of table raw if they are there, and deletes those of earlier versions", () => {
    const former = '-A PREROUTING -d 127.0.0.0/8 -i cni0 -m comment --comment "CNI portfwd route_localnet" -j DROP';
    host.iptables.restore(4, [former], { table: "raw" });
    host.add([web], IPTABLES);
    expect(raw(4)).toEqual(GUARDS[4]);
    const before = host.iptables.commands.length;
    host.add([{ ...web, hostPort: 81 }], IPTABLES, TWO);
    expect(host.iptables.commands.slice(before).filter((line) => line.includes("raw"))).toEqual([]);
    expect(raw(4)).toEqual(GUARDS[4]);
  });

  test("the rules of table raw count in the other variant's table, where packets pass them too", () => {
    const other = variant === "nft" ? "legacy" : "nft";
    for (const family of [4, 6] as const)
      host.iptables.restore(family, GUARDS[family], { table: "raw", variant: other });
    host.add([web], IPTABLES);
    expect(raw(4)).toEqual([]);
    host.check([web], IPTABLES);
  });

  test("CHECK names each rule that is missing in either family, and those of table raw first", () => {
    host.add([web], IPTABLES);
    const failing = (message: unknown) =>
      expect(() => host.check([web], IPTABLES)).toThrow(expect.objectContaining({ code: 104, message }));
    const [rule = ""] = dnat(6);
    host.iptables.restore(6, [rule.replace("-A", "-D")]);
    failing(`The iptables rule '${rule}' is missing`);
    for (const line of GUARDS[6]) host.iptables.restore(6, [line.replace("-A", "-D")], { table: "raw" });
    failing([...GUARDS[6], rule].map((each) => `The iptables rule '${each}' is missing`).join("; "));
  });

  test("CHECK accepts the Go plugin's rules, which do not guard loopback addresses, and not a part of them", () => {
    const only4 = { ...web, hostIP: "0.0.0.0" };
    host.iptables.restore(4, [...SHARED_RULES, ...referenceRules("c1", "10.88.0.2:80")]);
    host.kernel.host.sysctls.write("net/ipv4/conf/cni0/route_localnet", "1");
    host.check([only4], IPTABLES);
    const last = referenceRules("c1", "10.88.0.2:80").at(-1) ?? "";
    host.iptables.restore(4, [last.replace("-A", "-D")]);
    expect(() => host.check([only4], IPTABLES)).toThrow("CNI portfwd loopback");
    host.iptables.restore(4, [last, `-N ${chainOf()}`]);
    expect(() => host.check([only4], IPTABLES)).toThrow("CNI portfwd loopback");
  });

  test("CHECK wants the rules of table raw if either family's mappings are ours", () => {
    host.add([web], IPTABLES);
    const own = host.iptables.rules(4).filter((line) => line.includes(chainOf()));
    host.iptables.restore(
      4,
      own.reverse().map((line) => line.replace("-A", "-D")),
    );
    host.iptables.restore(4, [`-X ${chainOf()}`, ...referenceRules("c1", "10.88.0.2:80")]);
    host.check([web], IPTABLES);
    for (const line of GUARDS[6]) host.iptables.restore(6, [line.replace("-A", "-D")], { table: "raw" });
    expect(() => host.check([web], IPTABLES)).toThrow("CNI portfwd loopback");
  });

  test("DEL deletes tracked UDP connections to the ports that the rules name, ours and the Go plugin's", () => {
    host.add([dns], IPTABLES);
    const ofReference = referenceRules("c1", "10.88.0.2:80").map((line) => line.replaceAll("tcp", "udp"));
    host.iptables.restore(4, ofReference);
    host.track(53, "10.88.0.2", 5353);
    host.track(8080, "10.88.0.2", 80);
    host.track(54, "10.88.0.2", 5353);
    host.iptables.commands.splice(0);
    host.del();
    expect(host.connections).toEqual([54]);
    expect(dnat()).toEqual([]);
    expect(host.iptables.commands).toContain(`iptables-${variant} -t nat -S ${chainOf()}`);
  });

  test("ADD refuses a port that another container has, and changes nothing", () => {
    c2HasIt();
    const rules = [host.iptables.rules(4), host.iptables.rules(6)];
    expect(() => host.add([web], IPTABLES)).toThrow(TAKEN);
    expect(() => host.add([public4], IPTABLES)).toThrow("Cannot map 192.0.2.1:8080/tcp: 0.0.0.0:8080/tcp is mapped to");
    expect([host.iptables.rules(4), host.iptables.rules(6)]).toEqual(rules);
  });

  test("ADD refuses a port of the Go plugin's, whose rules name no interface", () => {
    host.iptables.restore(4, [...SHARED_RULES, ...referenceRules("c2", "10.88.0.3:80")]);
    expect(() => host.add([web], IPTABLES)).toThrow('10.88.0.3:80, container "c2" on network "net1"');
    host.add([web], IPTABLES, TWO);
    host.add([web], IPTABLES, { ...TWO, network: "net2" });
    expect(dnat()).toHaveLength(3);
  });

  test.each([
    ["another protocol", { ...web, protocol: "udp" }],
    ["another port", { ...web, hostPort: 8081 }],
    ["SCTP", { ...web, protocol: "sctp" }],
  ])("ADD maps %s beside it", (_, mapping) => {
    c2HasIt();
    host.add([mapping], IPTABLES);
    expect(dnat()).toHaveLength(2);
    host.check([mapping], IPTABLES);
    host.check([web], IPTABLES, TWO);
  });

  test("ADD replaces the attachment's earlier mappings, which a refused one leaves", () => {
    host.add([web], IPTABLES);
    host.add([{ ...web, hostPort: 81 }], IPTABLES, TWO);
    const before = [host.iptables.rules(4), host.iptables.rules(6)];
    expect(() => host.add([{ ...web, hostPort: 81 }], IPTABLES)).toThrow("Cannot map 0.0.0.0:81/tcp");
    expect([host.iptables.rules(4), host.iptables.rules(6)]).toEqual(before);
    host.add([{ ...web, hostPort: 82 }], IPTABLES);
    expect(dnat().filter((line) => line.includes(chainOf()))).toEqual([expect.stringContaining("--dport 82")]);
    expect(host.iptables.rules(4).filter((line) => line.endsWith(`-j ${chainOf()}`))).toHaveLength(1);
  });

  test("an ADD whose command is refused takes back what it has made of the first family", () => {
    host.add([{ ...web, hostPort: 81 }], IPTABLES, TWO);
    const before = [host.iptables.rules(4), host.iptables.rules(6)];
    const refusal = { status: 2, stderr: "Bad argument\nTry again" };
    host.iptables.before.push(() => {}, ...Array.from({ length: 5 }, () => refusal));
    const message =
      "Cannot map ports with iptables: /sbin/ip6tables-restore ended with status 2: Bad argument; Try again";
    expect(() => host.add([web], IPTABLES)).toThrow(expect.objectContaining({ code: 107, message }));
    expect([host.iptables.rules(4), host.iptables.rules(6)]).toEqual(before);
  });

  test("a command that lost a race is tried again with what is there then, but no more than five times", () => {
    host.add([public4], IPTABLES);
    host.del();
    const before = restores().length;
    host.iptables.restore(4, [`-N ${chainOf()}`]);
    // Another call creates the chain, and another deletes it, between listing and command.
    host.iptables.before.push(() => host.iptables.restore(4, [`-X ${chainOf()}`]));
    host.add([public4], IPTABLES);
    expect(restores().slice(before)).toHaveLength(2);
    expect(dnat()).toHaveLength(1);
    host.iptables.before.push(...Array.from({ length: 6 }, () => ({ status: 1, stderr: "no" })));
    expect(() => host.add([public4], IPTABLES)).toThrow(expect.objectContaining({ code: 107 }));
    expect(host.iptables.before).toHaveLength(variant === "nft" ? 1 : 0);
  });

  test("ADD does not try again while others hold the lock, for which the runtime may", () => {
    host.iptables.before.push({ status: 4, stderr: "Another app is currently holding the xtables lock" });
    expect(() => host.add([public4], IPTABLES)).toThrow(expect.objectContaining({ code: 11 }));
    expect(restores()).toHaveLength(1);
  });

  test("of two ADDs at the same moment the first to map the port keeps it", () => {
    host.add([public4], IPTABLES);
    host.del();
    const rules = referenceRules("c2", "10.88.0.3:80");
    host.iptables.before.push(() => host.iptables.restore(4, rules));
    expect(() => host.add([public4], IPTABLES)).toThrow(expect.objectContaining({ code: 111 }));
    expect(dnat()).toEqual([rules.at(-1)]);
    host.iptables.restore(
      4,
      [...rules].reverse().map((line) => line.replace(/^-A/, "-D").replace(/^-N/, "-X")),
    );
    host.iptables.after = () => {
      host.iptables.after = () => {};
      host.iptables.restore(4, rules);
    };
    host.add([public4], IPTABLES);
    host.check([public4], IPTABLES);
    expect(dnat()).toHaveLength(2);
  });

  test("a mapping that is held back counts: no other container gets the port, and no command runs", () => {
    const held: string[] = [];
    host.add([public4], IPTABLES, TWO);
    const input = host.iptables.inputs.at(-1) ?? "";
    host.del({}, TWO);
    const before = restores().length;
    host.restores = { hold: ({ input }) => void held.push(input), inputs: (family) => (family === 4 ? [input] : []) };
    expect(() => host.add([public4], IPTABLES)).toThrow(expect.objectContaining({ code: 111 }));
    expect(held).toEqual([]);
    host.add([{ ...public4, hostPort: 81 }], IPTABLES);
    expect(held).toEqual([expect.stringContaining("--dport 81")]);
    expect(restores()).toHaveLength(before);
  });

  test.each([
    [
      "iptables-restore",
      { code: 2, message: 'Cannot use backend "iptables": iptables-restore is not installed: install iptables' },
    ],
    [
      "ip6tables-restore",
      { code: 107, message: "Cannot map ports with iptables: ip6tables-restore is not installed: install iptables" },
    ],
  ])("ADD without %s changes nothing", (name, error) => {
    host.iptables.missing.add(name);
    expect(() => host.add([web], IPTABLES)).toThrow(expect.objectContaining(error));
    expect(host.iptables.inputs).toEqual([]);
  });
});

describe.each(["legacy", "nft"] as const)("backend nftables beside mappings in iptables-%s", (variant) => {
  beforeEach(() => {
    host = new PortHost();
    host.iptables.variant = variant;
  });

  test("ADD refuses a port that another container has there, by one command for the table that has it", () => {
    host.add([{ ...web, hostIP: "0.0.0.0" }], IPTABLES, TWO);
    host.iptables.commands.splice(0);
    expect(() => host.add([web])).toThrow(TAKEN);
    expect(host.iptables.commands).toEqual([`iptables-${variant} -t nat -S`]);
    expect(host.targets()).toEqual([]);
  });

  test("ADD refuses a port of IPv6, of which the other family says nothing", () => {
    host.add(
      [
        { ...web, hostIP: "::" },
        { ...dns, hostIP: "0.0.0.0" },
      ],
      IPTABLES,
      TWO,
    );
    expect(() => host.add([web])).toThrow("Cannot map [::]:8080/tcp: it is mapped to [fd00:88::3]:80");
    host.add([{ ...web, hostIP: "0.0.0.0" }]);
  });

  test("ADD maps a port that the same container has there, and starts no command where there are no mappings", () => {
    host.add([{ ...web, hostPort: 81 }]);
    expect(host.iptables.commands).toEqual([]);
    host.add([web], IPTABLES);
    host.add([web], {}, { ifname: "eth1" });
    expect(host.targets()).toHaveLength(4);
  });

  test("a table that cannot be listed counts as empty", () => {
    host.add([web], IPTABLES, TWO);
    for (const name of ["iptables", `iptables-${variant}`]) host.iptables.missing.add(name);
    host.add([{ ...web, hostIP: "0.0.0.0" }]);
    expect(host.targets()).toHaveLength(1);
  });
});

test("a kernel without nf_tables gets the mappings in iptables-legacy", () => {
  host = new PortHost();
  host.hasNftables = false;
  host.add([web], {}, TWO);
  expect(() => host.add([web])).toThrow(TAKEN);
  host.del({}, TWO);
  host.add([web]);
  host.check([web]);
  expect(host.iptables.inputs.filter((input) => input.startsWith("*raw"))).toHaveLength(2);
  host.del();
  expect(host.iptables.chains()).toEqual(SHARED);
  expect(() => host.add([web], { backend: "nftables" })).toThrow(
    expect.objectContaining({ code: 2, message: 'Cannot use backend "nftables": the kernel has no nf_tables' }),
  );
});

test("ADD cuts a comment to what the kernel stores, and knows the container by what is left of its ID", () => {
  host = new PortHost();
  const containerId = "0123456789".repeat(30);
  host.add([public4], IPTABLES, { containerId });
  host.add([public4], IPTABLES, { containerId, ifname: "eth1" });
  const [, comment] = /--comment "(dnat name: .*?)" -m/.exec(host.iptables.rules().join("\n")) ?? [];
  expect(comment?.replaceAll("\\", "")).toBe(`dnat name: "net1" id: "${containerId.slice(0, 229)}...`);
  expect(() => host.add([public4], IPTABLES, TWO)).toThrow(
    `container "${containerId.slice(0, 229)}" on network "net1"`,
  );
});
