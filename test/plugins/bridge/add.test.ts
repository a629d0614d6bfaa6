import { describe, expect, test, vi } from "vitest";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { address, prefix } from "../../netlink/text.ts";
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
