import { describe, expect, test, vi } from "vitest";
import { ensureBridge } from "../../../plugins/bridge/bridge-link.ts";
import { plugin } from "../../../plugins/bridge/main.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { setLinkUp } from "../../../src/netlink/link/set.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { address, prefix } from "../../netlink/text.ts";
import { leased } from "../verb-cases.ts";
import { arrange, attach, said } from "./attachment.ts";

// A host whose only firewall is nf_tables.
vi.mock("../../../src/netfilter/iptables/legacy-table.ts", () => ({
  hasLegacyTable: () => false,
  findInLegacy: () => [],
  readLegacyTable: () => undefined,
}));
vi.mock("../../../src/netfilter/rule-locks.ts", () => ({ awaitRestores: () => true, holdTurn: () => undefined }));

const PLAIN = { ipam: { type: "fixed" } };
const GATEWAY = { ...PLAIN, isGateway: true };

/** A link of the host with a default route, whose MTU is known. */
function addUplink({ host: { netlink } }: ReturnType<typeof arrange>, name = "up0", mtu = 1450): void {
  addBridge(netlink, { name, mac: "02:00:00:00:00:07", mtu, up: true });
  const link = getLink(netlink, name);
  addAddress(netlink, link, { prefix: prefix("192.0.2.9/24") });
  addRoute(netlink, link, { destination: prefix("0.0.0.0/0"), gateway: address("192.0.2.1") });
}

describe("ADD of bridge", () => {
  test("reports the bridge, the port and the container's interface, and which addresses that has", () => {
    const { given, netlink, inside, port } = attach(PLAIN);
    const [bridge, end, eth0] = [getLink(netlink, "cni0"), getLink(netlink, port), getLink(inside, "eth0")];
    expect(given.interfaces).toEqual([
      { name: "cni0", mac: bridge.mac, mtu: 1500 },
      { name: port, mac: end.mac, mtu: 1500 },
      { name: "eth0", mac: eth0.mac, mtu: 1500, sandbox: "/run/netns/container" },
    ]);
    expect(given.ips.map((ip) => [formatPrefix(ip.address), ip.interface])).toEqual([
      ["10.88.0.2/16", 2],
      ["fd00:88::2/64", 2],
    ]);
    expect(end.master).toBe(bridge.index);
  });

  test("without IPAM connects the container, and gives it no address", () => {
    const { kernel, given, inside } = attach({});
    expect([given.ips, given.routes, given.interfaces.length]).toEqual([[], [], 3]);
    expect(getLink(inside, "eth0").up).toBe(true);
    expect(kernel.snapshot()["host"]?.addresses.filter((line) => line.startsWith("cni0: 10."))).toEqual([]);
  });

  test("makes the bridge and the interface as it is told", () => {
    const { netlink, inside, port } = attach({
      ...PLAIN,
      bridge: "br1",
      mtu: 1400,
      promiscMode: true,
      portIsolation: true,
      runtimeConfig: { mac: "02:00:00:00:00:44" },
    });
    expect(getLink(netlink, "br1")).toMatchObject({ mtu: 1400, promiscuous: true, up: true });
    expect(getLink(netlink, port)).toMatchObject({ mtu: 1400, up: true, port: { isolated: 1, hairpin: 0 } });
    expect(getLink(inside, "eth0")).toMatchObject({ mtu: 1400, mac: "02:00:00:00:00:44", up: true });
    const other = attach({ ...PLAIN, hairpinMode: true });
    expect(getLink(other.netlink, other.port).port).toMatchObject({ isolated: 0, hairpin: 1 });
  });

  test("leaves an interface down that is to be so", () => {
    const { inside } = attach({ disableContainerInterface: true });
    expect(getLink(inside, "eth0").up).toBe(false);
  });

  test("makes the host the gateway only if it is told", () => {
    const addresses = (fields: object) =>
      attach(fields)
        .kernel.snapshot()
        ["host"]?.addresses.filter((line) => /^cni0: (10|fd)/.test(line));
    expect(addresses(GATEWAY)).toEqual(["cni0: 10.88.0.1/16 broadcast 10.88.255.255", "cni0: fd00:88::1/64 nodad"]);
    expect(addresses(PLAIN)).toEqual([]);
    const { kernel } = attach(GATEWAY);
    const forwarding = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];
    expect(forwarding.map((name) => kernel.host.sysctls.read(name))).toEqual(["1", "1"]);
  });

  test("leaves masquerade to whoever asks for it", () => {
    const rules = (fields: object) => attach(fields).kernel.snapshot()["host"]?.rules.length;
    expect(rules(GATEWAY)).toBe(0);
    expect(rules({ ...GATEWAY, ipMasq: true })).toBeGreaterThan(0);
    expect(rules({ ipMasq: true })).toBe(0);
  });

  test("refuses an interface that is there, and asks IPAM for nothing", () => {
    const stage = arrange(PLAIN);
    addVeth(stage.kernel.openRoute(stage.container), { name: "eth0", peer: { name: "peer" } });
    const { host: before } = stage.kernel.snapshot();
    expect(said(stage.add)).toBe('container veth name ("eth0") already exists in /run/netns/container');
    expect(stage.kernel.snapshot()["host"]).toEqual(before);
  });
});

describe("ADD of bridge, and what it hands to the kernel", () => {
  /** The IPAM plugin's answer, of which `look` is told what there is by then. */
  const answering = (look: () => void, given = leased) => ({
    begin: () => {},
    abandon: () => false,
    done: () => {},
    result: () => {
      look();
      return given;
    },
  });

  test.each([
    ["fixed", undefined, false],
    ["dhcp", undefined, true],
    ["dhcp", "strict", true],
    ["fixed", "strict", false],
  ])("IPAM plugin %s with spoofchk %s finds the interface up; asks about addresses: %s", (type, spoofchk, asks) => {
    const stage = arrange({ ipam: { type }, spoofchk });
    const { kernel, host } = stage;
    const seen: unknown[] = [];
    vi.spyOn(host, "delegate").mockImplementation(() =>
      answering(() => {
        const elements = kernel.snapshot()["host"]?.rules.filter((line) => line.includes(" element ")) ?? [];
        seen.push([
          getLink(kernel.openRoute(stage.container), "eth0").up,
          elements.some((line) => line.includes("asking")),
        ]);
      }),
    );
    stage.add();
    expect(seen).toEqual([[true, asks && spoofchk !== undefined]]);
    expect(
      kernel.snapshot()["host"]?.rules.filter((line) => line.includes("element") && line.includes("asking")),
    ).toEqual([]);
  });

  test("a port whose frames are checked comes up after the checks, any other at once", () => {
    for (const [fields, states] of [
      [{ macspoofchk: true }, [false]],
      [{}, []],
    ] as const) {
      const stage = arrange(fields);
      const { host, kernel } = stage;
      const found: boolean[] = [];
      const netfilter = kernel.openNetfilter();
      const { transact } = netfilter;
      vi.spyOn(netfilter, "transact").mockImplementation((requests) => {
        const [port] = [...kernel.host.links.values()].filter(({ kind }) => kind === "veth");
        if (port !== undefined) found.push(getLink(host.netlink, port.name).up);
        return transact(requests);
      });
      vi.spyOn(host, "openNetfilter").mockReturnValue(netfilter);
      const { interfaces } = stage.add();
      expect(found).toEqual(states);
      expect(getLink(host.netlink, interfaces[1]?.name ?? "").up).toBe(true);
      expect(kernel.log.filter((line) => line.includes(`set up true on link "veth`))).toHaveLength(states.length);
    }
  });

  test("announces the addresses before hairpin mode is on, and none where there are none", () => {
    const { kernel } = attach({ ...PLAIN, hairpinMode: true });
    const last = kernel.log.slice(-2).map((line) => line.replace(/(..:){5}..|veth\w+/, ""));
    expect(last).toEqual(['container: set mac  on link "eth0"', 'host: set hairpin on on bridge port ""']);
    expect(attach({}).kernel.log.filter((line) => line.startsWith("container: set mac"))).toEqual([]);
  });

  test("detects duplicates in the container only if it is told", () => {
    const own = (fields: object) => {
      const { kernel } = attach({ ...PLAIN, ...fields });
      const { addresses = [], sysctls = [] } = kernel.snapshot()["container"] ?? {};
      return [
        addresses.filter((line) => line.includes("fd00:88")),
        sysctls.filter((line) => line.includes("eth0/accept")),
      ];
    };
    const accepting = (dad: number, ra: number) => [
      `net/ipv6/conf/eth0/accept_dad = ${dad}`,
      `net/ipv6/conf/eth0/accept_ra = ${ra}`,
    ];
    expect(own({})).toEqual([["eth0: fd00:88::2/64 nodad"], accepting(0, 0)]);
    expect(own({ enabledad: true })).toEqual([["eth0: fd00:88::2/64"], accepting(1, 0)]);
    expect(own({ ipam: undefined })[1]).toEqual(accepting(0, 1));
  });

  test("has the link-local address that strict checks expect, whatever the container's default is", () => {
    const modeOf = (fields: object) => {
      const stage = arrange({ ...PLAIN, ...fields });
      stage.container.sysctls.write("net/ipv6/conf/default/addr_gen_mode", "3");
      stage.add();
      return stage.container.sysctls.read("net/ipv6/conf/eth0/addr_gen_mode");
    };
    expect([{}, { macspoofchk: true }, { spoofchk: "strict" }].map(modeOf)).toEqual(["3", "3", "0"]);
  });

  test("turns on forwarding of the gateway's families alone", () => {
    const stage = arrange(GATEWAY);
    const ips = leased.ips.slice(0, 1);
    vi.spyOn(stage.host, "delegate").mockImplementation(() => answering(() => {}, { ...leased, ips }));
    stage.add();
    const read = (name: string) => stage.kernel.host.sysctls.read(name);
    expect([read("net/ipv4/ip_forward"), read("net/ipv6/conf/all/forwarding")]).toEqual(["1", "0"]);
  });

  test("keeps the MAC of a bridge that would take that of the new port", () => {
    const stage = arrange(PLAIN);
    const { netlink } = stage.host;
    addBridge(netlink, { name: "cni0", up: true });
    const highest = "fe:ff:ff:ff:ff:ff";
    addVeth(netlink, { name: "port0", mac: highest, master: getLink(netlink, "cni0").index, peer: { name: "p0" } });
    expect(stage.add().interfaces[0]?.mac).toBe(highest);
    expect(getLink(netlink, "cni0").mac).toBe(highest);
  });

  test("says that the port's MTU is not that of the others", () => {
    const stage = arrange({ ...PLAIN, mtu: 1400 });
    const { netlink } = stage.host;
    addBridge(netlink, { name: "cni0", mac: "02:00:00:00:00:01", up: true });
    addVeth(netlink, { name: "port0", master: getLink(netlink, "cni0").index, up: true, peer: { name: "p0" } });
    setLinkUp(netlink, getLink(netlink, "p0"));
    stage.add();
    expect(stage.logged).toEqual([expect.stringContaining('has MTU 1400, bridge "cni0" and its other ports 1500: ')]);
  });

  test("replaces another gateway address only if it is told", () => {
    for (const forceAddress of [false, true]) {
      const stage = arrange({ ...GATEWAY, forceAddress });
      addBridge(stage.host.netlink, { name: "cni0", mac: "02:00:00:00:00:01", up: true });
      addAddress(stage.host.netlink, getLink(stage.host.netlink, "cni0"), { prefix: prefix("10.99.0.1/24") });
      expect(said(stage.add)).toBe(forceAddress ? "" : '"cni0" already has an IP address different from 10.88.0.1/16');
    }
  });

  test("reports the configured DNS settings, else those of IPAM", () => {
    const dnsOf = (fields: object) => {
      const stage = arrange({ ...PLAIN, ...fields });
      const dns = { nameservers: ["192.0.2.1"] };
      vi.spyOn(stage.host, "delegate").mockImplementation(() => answering(() => {}, { ...leased, dns }));
      return stage.add().dns;
    };
    expect(dnsOf({})).toEqual({ nameservers: ["192.0.2.1"] });
    expect(dnsOf({ dns: { nameservers: ["192.0.2.2"] } })).toEqual({ nameservers: ["192.0.2.2"] });
  });

  test("excepts from masquerade what it is told to", () => {
    const { kernel } = attach({ ...GATEWAY, ipMasq: true, nonMasqueradeCIDRs: ["203.0.113.0/24"] });
    expect(kernel.snapshot()["host"]?.rules.join()).toContain("length=3 offset=16, cmp data=(value=cb0071)");
  });

  test("refuses layer 2 before 0.3.0, whose results have addresses alone, before it changes anything", () => {
    const add = (fields: object) => {
      const stage = arrange(fields);
      const { host: before } = stage.kernel.snapshot();
      const message = said(() => plugin.add({ ...stage.request("ADD"), version: "0.2.0" }, stage.host));
      if (message !== "") expect(stage.kernel.snapshot()["host"]).toEqual(before);
      return message;
    };
    expect(add({})).not.toBe("");
    expect(add(PLAIN)).toBe("");
  });

  test("that fails deletes an empty bridge of the plugin only if it is told", () => {
    for (const removeEmptyBridge of [false, true]) {
      const stage = arrange({ ...PLAIN, removeEmptyBridge });
      ensureBridge(stage.host, { name: "cni0", mtu: 0, promiscuous: false, vlanNeed: undefined }, () => {});
      vi.spyOn(stage.host, "delegate").mockImplementation(() => answering(() => expect.fail("no address")));
      expect(said(stage.add)).toContain("no address");
      expect(findLink(stage.host.netlink, "cni0") !== undefined).toBe(!removeEmptyBridge);
    }
  });
});

describe("the mtu of bridge", () => {
  test('"auto" is that of the link with the default route', () => {
    const stage = arrange({ ...PLAIN, mtu: "auto" });
    addUplink(stage);
    const { interfaces } = stage.add();
    expect(interfaces.map(({ mtu }) => mtu)).toEqual([1450, 1450, 1450]);
    expect(stage.logged).toEqual([]);
  });

  test('"auto" is the kernel\'s own without a default route, and that is logged', () => {
    const stage = arrange({ ...PLAIN, mtu: "auto" });
    expect(stage.add().interfaces.map(({ mtu }) => mtu)).toEqual([1500, 1500, 1500]);
    expect(stage.logged).toEqual([`mtu "auto": this host has no default route, so the kernel's own MTU is taken`]);
  });

  test("is too small for IPv6 below 1280: for the container's addresses, and for those of the bridge", () => {
    expect(said(() => attach({ ...PLAIN, mtu: 1279 }))).toContain("1280");
    expect(said(() => attach({ ...PLAIN, mtu: 1280 }))).toBe("");
    const layer2 = arrange({ mtu: 1279 });
    addBridge(layer2.host.netlink, { name: "cni0", mac: "02:00:00:00:00:01", up: true });
    addAddress(layer2.host.netlink, getLink(layer2.host.netlink, "cni0"), { prefix: prefix("fd01::1/64") });
    expect(said(layer2.add)).toBe(
      'Cannot use mtu 1279: bridge "cni0" has fd01::1/64, and would lose it; IPv6 needs at least 1280',
    );
    expect(said(arrange({ mtu: 1279 }).add)).toBe("");
  });
});

describe("a new gateway", () => {
  test("says nothing on a host where nothing separates it from its containers", () => {
    const { logged } = attach(GATEWAY);
    expect(logged).toEqual([]);
  });

  test("says that the uplink does not forward IPv4", () => {
    for (const [forwarding, lines] of [
      [
        "0",
        [
          'Link "up0" does not forward IPv4, so no answer comes to containers through it: sysctl -w net.ipv4.conf.up0.forwarding=1',
        ],
      ],
      ["1", []],
    ] as const) {
      const stage = arrange(GATEWAY);
      addUplink(stage);
      stage.kernel.host.sysctls.write("net/ipv4/ip_forward", "1");
      stage.kernel.host.sysctls.write("net/ipv4/conf/up0/forwarding", forwarding);
      stage.add();
      expect(stage.logged).toEqual(lines);
      expect(stage.kernel.host.sysctls.read("net/ipv4/conf/cni0/forwarding")).toBe("1");
    }
  });

  test("says it with a command that works for an uplink in a VLAN, whose name has a dot", () => {
    const stage = arrange(GATEWAY);
    addUplink(stage, "up0.5");
    stage.kernel.host.sysctls.write("net/ipv4/ip_forward", "1");
    stage.kernel.host.sysctls.write("net/ipv4/conf/up0.5/forwarding", "0");
    stage.add();
    expect(stage.logged).toEqual([
      'Link "up0.5" does not forward IPv4, so no answer comes to containers through it: sysctl -w net/ipv4/conf/up0.5/forwarding=1',
    ]);
  });

  test("says which other link has its network", () => {
    const stage = arrange(GATEWAY);
    const { netlink } = stage.host;
    addBridge(netlink, { name: "other", mac: "02:00:00:00:00:07", up: true });
    addRoute(netlink, getLink(netlink, "other"), { destination: prefix("10.88.0.0/24") });
    stage.add();
    expect(stage.logged).toEqual([
      'The host reaches 10.88.0.2 through link "other", expected link "cni0": that is its route to 10.88.0.0/24',
    ]);
  });

  test("is looked at only by the ADD that adds its addresses", () => {
    const stage = arrange(GATEWAY);
    addBridge(stage.host.netlink, { name: "cni0", mac: "02:00:00:00:00:01", up: true });
    const bridge = getLink(stage.host.netlink, "cni0");
    for (const each of ["10.88.0.1/16", "fd00:88::1/64"])
      addAddress(stage.host.netlink, bridge, { prefix: prefix(each), withoutDad: true });
    addUplink(stage);
    stage.kernel.host.sysctls.write("net/ipv4/conf/up0/forwarding", "0");
    stage.add();
    expect(stage.logged).toEqual([]);
  });
});
