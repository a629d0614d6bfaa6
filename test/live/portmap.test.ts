import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { rulesAbout, type Variant } from "./masquerading.ts";
import { BRIDGE, type Container, HOST, type Mapping, OUTSIDE, type PortmapCall, PortmapLab } from "./portmap.ts";
import { errorOf } from "./traces.ts";

const backends: readonly [string, string, Variant][] = [
  ["nftables", "nftables", "nft"],
  ["iptables, kept in nf_tables", "iptables", "nft"],
  ["iptables-legacy", "iptables", "legacy"],
];

const WEB = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const DNS = { hostPort: 5353, containerPort: 53, protocol: "udp" };

/** What only a mapping leaves in the host's rules, whoever made it. */
const TRACES = ["10.88.0.2", "10.88.0.3", "fd00:88::2", "fd00:88::3", '"net1', "net: net1", "CNI-DN-", "from_"];

/** Its addresses, for whatever interface. */
function withoutInterfaces({ prevResult }: Container): object {
  return { ...Object(prevResult), interfaces: [] };
}

describe.each(backends)("portmap with %s", (_, backend, variant) => {
  let lab: PortmapLab;
  let c1: Container;
  let c2: Container;

  beforeAll(async () => {
    lab = new PortmapLab();
    c1 = await lab.container("c1", [80, 53]);
    c2 = await lab.container("c2", [80, 53]);
    await lab.serve("outside", lab.outside, [8080]);
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(lab.describe())));
  afterEach(() => {
    for (const container of [c1, c2]) succeed("DEL", container);
  });
  afterAll(() => lab?.dispose());

  function run(command: string, container: Container, mappings: readonly Mapping[], more: PortmapCall = {}) {
    return lab.portmap(command, container, mappings, { variant, ...more, config: { backend, ...more.config } });
  }

  function succeed(command: string, container: Container, mappings: readonly Mapping[] = [], more: PortmapCall = {}) {
    const outcome = run(command, container, mappings, more);
    expect(outcome).toMatchObject({ status: 0, stderr: "" });
    return outcome.stdout;
  }

  it("reaches the container from everywhere, and tells it who asks where the answer comes back by itself", () => {
    expect(JSON.parse(succeed("ADD", c1, [WEB, DNS]))).toEqual(c1.prevResult);
    const ask = (from: string, to: string) => [lab.ask(from, to, 8080), lab.ask(from, to, 5353, "udp")];
    const twice = (source: string) => [`c1 ${source}`, `c1 ${source}`];
    for (const family of [4, 6] as const) {
      expect(ask(lab.outside, HOST[family])).toEqual(twice(OUTSIDE[family]));
      expect(ask(lab.host, HOST[family])).toEqual(twice(HOST[family]));
      expect(ask(lab.host, BRIDGE[family])).toEqual(twice(BRIDGE[family]));
      // Both would answer each other past the host, under an address that nobody has asked.
      expect(ask(c2.netns, HOST[family])).toEqual(twice(BRIDGE[family]));
      expect(ask(c1.netns, HOST[family])).toEqual(twice(BRIDGE[family]));
      expect(ask(c1.netns, BRIDGE[family])).toEqual(twice(BRIDGE[family]));
    }
    expect(ask(lab.host, "127.0.0.1")).toEqual(twice(BRIDGE[4]));
    succeed("CHECK", c1, [WEB, DNS]);
  });

  it("reaches the container also from its other subnets, its own and its neighbours'", async () => {
    const [one, two] = [await lab.container("two-subnets-1"), await lab.container("two-subnets-2")];
    const more = { 4: ["10.98.0.", 24], 6: ["fd00:98::", 64] } as const;
    for (const family of [4, 6] as const) {
      const [prefix, length] = more[family];
      const nodad = family === 6 ? ["nodad"] : [];
      lab.run(["ip", "address", "add", `${prefix}1/${length}`, "dev", "br0", ...nodad]);
      for (const [index, { netns }] of [one, two].entries()) {
        const own = `${prefix}${index + 2}`;
        lab.run(["ip", "address", "add", `${own}/${length}`, "dev", "eth0", ...nodad], netns);
        lab.run(["ip", "route", "add", HOST[family], "via", BRIDGE[family], "src", own], netns);
      }
    }
    const { ips, ...rest } = Object(one.prevResult);
    const prevResult = { ...rest, ips: [...ips, { address: "10.98.0.2/24" }, { address: "fd00:98::2/64" }] };
    const container = { ...one, prevResult };
    succeed("ADD", container, [WEB]);
    succeed("CHECK", container, [WEB]);
    const answers = [one, two].flatMap(({ netns }) =>
      [4, 6].map((family) => lab.ask(netns, HOST[family as 4 | 6], 8080)),
    );
    for (const [prefix, length] of Object.values(more))
      lab.run(["ip", "address", "del", `${prefix}1/${length}`, "dev", "br0"]);
    succeed("DEL", container);
    const [name4, name6] = [`${one.name} ${BRIDGE[4]}`, `${one.name} ${BRIDGE[6]}`];
    expect(answers).toEqual([name4, name6, name4, name6]);
  });

  it.each([
    ["the same", WEB, { ...WEB, containerPort: 53 }, "0.0.0.0:8080/tcp", "it"],
    ["one of all", WEB, { ...WEB, hostIP: HOST[4] }, `${HOST[4]}:8080/tcp`, "0.0.0.0:8080/tcp"],
    ["all of one", { ...WEB, hostIP: HOST[4] }, WEB, "0.0.0.0:8080/tcp", `${HOST[4]}:8080/tcp`],
    ["the same of one", { ...WEB, hostIP: HOST[6] }, { ...WEB, hostIP: HOST[6] }, `[${HOST[6]}]:8080/tcp`, "it"],
  ])("refuses a port that another attachment has, and says whose it is: %s", (_what, first, second, end, held) => {
    succeed("ADD", c1, [DNS, first]);
    const before = rulesAbout(lab, ...TRACES);
    const target = end.startsWith("[") ? "[fd00:88::2]:80" : "10.88.0.2:80";
    expect(errorOf(run("ADD", c2, [{ ...DNS, hostPort: 5354 }, second]))).toEqual({
      code: 111,
      msg: `Cannot map ${end}: ${held} is mapped to ${target}, interface "eth0" of container "c1" on network "net1"`,
      details: `use another hostPort, or where that container is gone, run "cnictl gc net1", which removes what it left`,
    });
    expect(rulesAbout(lab, ...TRACES)).toEqual(before);
  });

  it("replaces what the same attachment had mapped", () => {
    succeed("ADD", c1, [WEB, DNS]);
    succeed("ADD", c1, [{ ...WEB, hostPort: 8081 }]);
    expect([8080, 8081].map((port) => lab.ask(lab.outside, HOST[4], port))).toEqual(["", `c1 ${OUTSIDE[4]}`]);
    succeed("CHECK", c1, [{ ...WEB, hostPort: 8081 }]);
    succeed("ADD", c2, [WEB]);
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c2 ${OUTSIDE[4]}`);
  });

  it("gives each interface of a container its own: the end of one is not the end of the other", () => {
    const again = { ifname: "eth1", config: { prevResult: withoutInterfaces(c1) } };
    succeed("ADD", c1, [WEB]);
    succeed("ADD", c1, [{ ...WEB, hostPort: 8081 }], again);
    succeed("DEL", c1);
    expect([8080, 8081].map((port) => lab.ask(lab.outside, HOST[4], port))).toEqual(["", `c1 ${OUTSIDE[4]}`]);
    succeed("DEL", c1, [], again);
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });

  it("lets a container have a port through each of its networks, as runtimes hand all of them the same mappings", () => {
    const other = { ifname: "eth1", config: { name: "net2", prevResult: withoutInterfaces(c1) } };
    succeed("ADD", c1, [WEB]);
    succeed("ADD", c1, [WEB, { ...WEB, hostPort: 8081 }], other);
    for (const port of [8080, 8081]) expect(lab.ask(lab.outside, HOST[4], port)).toBe(`c1 ${OUTSIDE[4]}`);
    succeed("CHECK", c1, [WEB]);
    succeed("CHECK", c1, [WEB, { ...WEB, hostPort: 8081 }], other);
    succeed("DEL", c1, [], other);
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
  });

  it("ends without portMappings, prevResult, namespace, or the backend that it was made with, and twice", () => {
    const bare = { runtimeConfig: undefined, prevResult: undefined };
    const other = backend === "iptables" ? "nftables" : "iptables";
    for (const config of [{ ...bare }, { ...bare, backend: other }, { backend: "nonsense" }, { markMasqBit: "x" }]) {
      succeed("ADD", c1, [WEB, DNS]);
      succeed("DEL", c1, [], { netns: "", config });
      succeed("DEL", c1, [], { netns: "", config });
      expect(rulesAbout(lab, ...TRACES)).toEqual([]);
    }
  });

  it("CHECK says what is missing, or else than it was", () => {
    succeed("ADD", c1, [WEB, DNS]);
    lab.try(["nft", "delete", "element", "inet", "cni_portmap", "targets4", "{ tcp . 8080 }"]);
    lab.try([`iptables-${variant}`, "-t", "nat", "-D", "PREROUTING", "1"]);
    lab.run(["sysctl", "-qw", "net.ipv4.conf.br0.route_localnet=0"]);
    const { code, msg } = errorOf(run("CHECK", c1, [WEB, DNS]));
    expect(code).toBe(104);
    expect(msg).toBe(
      backend === "nftables"
        ? "Element 6 . 8080 of nftables set targets4 of table cni_portmap is missing; Sysctl net.ipv4.conf.br0.route_localnet is 0, expected 1"
        : "The iptables rule '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT' is missing; Sysctl net.ipv4.conf.br0.route_localnet is 0, expected 1",
    );
    succeed("ADD", c1, [WEB, DNS]);
    succeed("CHECK", c1, [WEB, DNS]);
  });

  it("a flush of all rules, as a firewall's reload makes, is noticed, and mended by ADD", () => {
    succeed("ADD", c1, [WEB]);
    lab.run(["nft", "flush", "ruleset"]);
    for (const tool of ["iptables-legacy", "ip6tables-legacy"])
      lab.run(["sh", "-c", `${tool} -t nat -F; ${tool} -t nat -X`]);
    expect(errorOf(run("CHECK", c1, [WEB])).msg).toMatch(
      /chain prerouting of table cni_portmap is missing|CNI-HOSTPORT-DNAT' is missing/,
    );
    succeed("ADD", c1, [WEB]);
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
    succeed("CHECK", c1, [WEB]);
  });

  it("maps to those that fulfil the conditions alone", () => {
    const [v4, v6] = backend === "nftables" ? ["ip saddr", "ip6 saddr"] : ["-s", "-s"];
    const conditionsV4 = [...v4.split(" "), OUTSIDE[4]];
    const conditionsV6 = [...v6.split(" "), OUTSIDE[6]];
    const more = { config: { conditionsV4, conditionsV6, backend: undefined } };
    succeed("ADD", c1, [WEB], more);
    succeed("CHECK", c1, [WEB], more);
    for (const family of [4, 6] as const) {
      expect(lab.ask(lab.outside, HOST[family], 8080)).toBe(`c1 ${OUTSIDE[family]}`);
      expect(lab.ask(c2.netns, HOST[family], 8080)).toBe("");
    }
    succeed("ADD", c2, [{ ...WEB, hostPort: 8081 }]);
    expect(lab.ask(c1.netns, HOST[4], 8081)).toBe(`c2 ${BRIDGE[4]}`);
    succeed("DEL", c2);
    succeed("DEL", c1);
    expect(rulesAbout(lab, ...TRACES, "if4_", OUTSIDE[4])).toEqual([]);
  });

  it("Ch4: ten DELs at once end all as one does", async () => {
    succeed("ADD", c1, [WEB]);
    const dels = Array.from({ length: 10 }, () => lab.start("portmap", lab.call("DEL", c1, [WEB], { variant })).ended);
    expect((await Promise.all(dels)).map(({ status, stdout }) => [status, stdout])).toEqual(dels.map(() => [0, ""]));
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });

  it("serves twenty ADDs at once, and of twenty for one port one", async () => {
    const start = (id: number, mapping: Mapping) => {
      const config = { backend };
      return lab.start("portmap", lab.call("ADD", c1, [mapping], { variant, config, containerId: `many${id}` })).ended;
    };
    const ids = Array.from({ length: 20 }, (_unused, i) => i);
    const apart = await Promise.all(ids.map((id) => start(id, { ...WEB, hostPort: 9000 + id })));
    expect(apart.map(({ status, stdout }) => (status === 0 ? 0 : stdout))).toEqual(ids.map(() => 0));
    expect([9000, 9019].map((port) => lab.ask(lab.host, BRIDGE[4], port))).toEqual([
      `c1 ${BRIDGE[4]}`,
      `c1 ${BRIDGE[4]}`,
    ]);
    const together = await Promise.all(ids.map((id) => start(id + 20, { ...WEB, hostPort: 9999 })));
    const codes = together.map(({ status, stdout }) => (status === 0 ? 0 : JSON.parse(stdout).code));
    expect(codes.sort((a, b) => a - b)).toEqual([0, ...ids.slice(1).map(() => 111)]);
    const gc = { "cni.dev/valid-attachments": [], cniVersion: "1.1.0", backend, runtimeConfig: undefined };
    succeed("GC", { ...c1, prevResult: undefined }, [], { config: gc });
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });

  it("leaves what the attachment had when it refuses a second ADD", () => {
    succeed("ADD", c1, [WEB]);
    succeed("ADD", c2, [DNS]);
    expect(errorOf(run("ADD", c1, [WEB, DNS])).code).toBe(111);
    expect(lab.ask(lab.outside, HOST[4], 5353, "udp")).toBe(`c2 ${OUTSIDE[4]}`);
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
  });

  // The rules of iptables are the same, whoever keeps them.
  if (variant === "legacy") return;

  it("leaves alone what is for another host's port of the same number", () => {
    succeed("ADD", c1, [WEB]);
    for (const from of [c1, c2]) {
      expect(lab.ask(from.netns, OUTSIDE[4], 8080)).toBe(`outside ${from.addresses[4]}`);
      expect(lab.ask(from.netns, OUTSIDE[6], 8080)).toBe(`outside ${from.addresses[6]}`);
    }
    expect(lab.ask(lab.outside, c2.addresses[4], 8080)).toBe("");
  });

  it("maps one address of the host's, or all of a family", () => {
    succeed("ADD", c1, [
      { ...WEB, hostIP: HOST[4] },
      { ...WEB, hostPort: 8081, hostIP: HOST[6] },
      { ...WEB, hostPort: 8082, hostIP: "0.0.0.0" },
      { ...WEB, hostPort: 8083, hostIP: "::" },
      { ...WEB, hostPort: 8084, hostIP: "127.0.0.1" },
    ]);
    const answering = (from: string, addresses: readonly string[]) => {
      return [8080, 8081, 8082, 8083, 8084].map((port) =>
        addresses.filter((address) => lab.ask(from, address, port) !== ""),
      );
    };
    const all = [HOST[4], HOST[6], BRIDGE[4], BRIDGE[6], "127.0.0.1"];
    expect(answering(lab.host, all)).toEqual([
      [HOST[4]],
      [HOST[6]],
      [HOST[4], BRIDGE[4], "127.0.0.1"],
      [HOST[6], BRIDGE[6]],
      ["127.0.0.1"],
    ]);
  });

  it("prefers within one container what is mapped for one address, whatever the order", () => {
    // Nobody listens there.
    const one = { ...WEB, hostIP: HOST[4], containerPort: 99 };
    for (const mappings of [
      [one, WEB],
      [WEB, one],
    ]) {
      succeed("ADD", c1, mappings);
      succeed("CHECK", c1, mappings);
      expect(lab.ask(lab.outside, HOST[4], 8080)).toBe("");
      expect(lab.ask(lab.outside, BRIDGE[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
    }
  });

  it("lets others have another protocol's port, or another address's", () => {
    succeed("ADD", c1, [{ ...WEB, hostIP: HOST[4] }]);
    succeed("ADD", c2, [
      { ...WEB, hostIP: BRIDGE[4] },
      { ...WEB, containerPort: 53, protocol: "udp" },
    ]);
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
    expect(lab.ask(lab.outside, BRIDGE[4], 8080)).toBe(`c2 ${OUTSIDE[4]}`);
    expect(lab.ask(lab.outside, HOST[4], 8080, "udp")).toBe(`c2 ${OUTSIDE[4]}`);
  });

  it("snat false masquerades nobody, masqAll everybody", () => {
    succeed("ADD", c1, [WEB], { config: { snat: false } });
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${OUTSIDE[4]}`);
    // c1 answers past the host, where bridges do not look at connections.
    expect(["", `c1 ${c2.addresses[4]}`]).toContain(lab.ask(c2.netns, HOST[4], 8080));
    succeed("ADD", c1, [WEB], { config: { masqAll: true, markMasqBit: 5 } });
    expect(lab.ask(lab.outside, HOST[4], 8080)).toBe(`c1 ${BRIDGE[4]}`);
    expect(lab.ask(lab.outside, HOST[6], 8080)).toBe(`c1 ${BRIDGE[6]}`);
    succeed("CHECK", c1, [WEB], { config: { masqAll: true, markMasqBit: 5 } });
  });

  it("maps a hundred ports", () => {
    const mappings = Array.from({ length: 100 }, (_unused, i) => ({ ...WEB, hostPort: 9000 + i }));
    succeed("ADD", c1, mappings);
    expect([9000, 9057, 9099, 9100].map((port) => lab.ask(lab.host, BRIDGE[4], port) !== "")).toEqual([
      ...[true, true, true, false],
    ]);
    succeed("CHECK", c1, mappings);
    succeed("DEL", c1);
    expect(rulesAbout(lab, ...TRACES)).toEqual([]);
  });

  it("forgets the UDP connections that would go where the port led before, and no others", () => {
    const [before, before6, during] = [
      { port: 40_001, to: HOST[4], toPort: 5353 },
      { port: 40_002, to: HOST[6], toPort: 5353 },
      { port: 40_003, to: HOST[4], toPort: 5353 },
    ];
    const four = OUTSIDE[4];
    const six = OUTSIDE[6];
    // The kernel tracks connections where a rule needs it.
    succeed("ADD", c2, [WEB]);
    lab.askFrom(c2.netns, [{ port: 40_004, to: OUTSIDE[4], toPort: 5353 }]);
    expect(lab.askFrom(lab.outside, [before, before6])).toEqual(["", ""]);
    succeed("ADD", c1, [DNS]);
    expect(lab.askFrom(lab.outside, [before, before6, during])).toEqual([`c1 ${four}`, `c1 ${six}`, `c1 ${four}`]);
    succeed("DEL", c1, [], { config: { runtimeConfig: undefined, prevResult: undefined } });
    // Were the connection still known, c1 would get it.
    expect(lab.askFrom(lab.outside, [during])).toEqual([""]);
    succeed("ADD", c2, [DNS]);
    expect(lab.askFrom(lab.outside, [before6, during])).toEqual([`c2 ${six}`, `c2 ${four}`]);
    expect(lab.run(["conntrack", "-L", "-p", "udp"])).toMatch(/dst=203\.0\.113\.2 sport=40004 dport=5353/);
  });

  it("leaves nothing of an ADD whose conditions the tool does not understand", () => {
    const conditionsV4 = [backend === "nftables" ? "nonsense" : "--nonsense"];
    const { code, msg } = errorOf(run("ADD", c1, [WEB], { config: { conditionsV4 } }));
    expect({ code, msg }).toEqual({ code: backend === "nftables" ? 7 : 107, msg: expect.stringContaining("nonsense") });
    expect(rulesAbout(lab, ...TRACES, "if4_")).toEqual([]);
  });

  it("keeps others from the host's own 127.0.0.1, which route_localnet would open to them", async () => {
    succeed("ADD", c1, [WEB]);
    expect(lab.run(["cat", "/proc/sys/net/ipv4/conf/br0/route_localnet"]).trim()).toBe("1");
    await lab.serve("host", lab.host, [7777]);
    const intruder = await lab.container("intruder", []);
    lab.run(
      ["sh", "-ec", "ip route add 127.0.0.1 via 10.88.0.1; sysctl -qw net.ipv4.conf.eth0.route_localnet=1"],
      intruder.netns,
    );
    expect(lab.ask(intruder.netns, BRIDGE[4], 7777)).toBe(`host ${intruder.addresses[4]}`);
    expect(lab.ask(intruder.netns, "127.0.0.1", 7777)).toBe("");
    // It is the rules that keep it away: without them it comes in.
    lab.try(["nft", "flush", "chain", "inet", "cni_portmap", "loopback"]);
    lab.try([`iptables-${variant}`, "-t", "raw", "-F"]);
    expect(lab.ask(intruder.netns, "127.0.0.1", 7777)).toBe(`host ${intruder.addresses[4]}`);
    expect(errorOf(run("CHECK", c1, [WEB])).msg).toMatch(/chain loopback|-d 127\.0\.0\.0\/8 ! -i lo/);
    succeed("ADD", c1, [WEB]);
    if (backend === "iptables") expect(lab.ask(intruder.netns, "127.0.0.1", 7777)).toBe("");
  });
});
