import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab, type Outcome } from "../lab.ts";
import { errorOf } from "./traces.ts";

let lab: Lab;
let netns: string;

beforeEach(() => {
  lab = new Lab();
  netns = lab.addNamespace("c1");
});

afterEach(() => lab.dispose());

/** A network with a gateway, an address from each of these subnets, and whatever else is asked for. */
function network(subnets: readonly string[], { ipam = {}, ...more }: { ipam?: object; [key: string]: unknown } = {}) {
  const ranges = subnets.map((subnet) => [{ subnet }]);
  const own = { type: "host-local", dataDir: lab.dataDir, ranges, ...ipam };
  const fields = { cniVersion: "1.1.0", name: "net1", type: "bridge", bridge: "br0", isGateway: true };
  return { ...fields, ...more, ipam: own };
}

function run(command: string, config: unknown, more: Partial<Parameters<Lab["plugin"]>[1]> = {}): Outcome {
  return lab.plugin("bridge", { command, config, netns, ...more });
}

/** ADD that has nothing to say. */
function add(config: unknown, more: Partial<Parameters<Lab["plugin"]>[1]> = {}) {
  const { status, stdout, stderr } = run("ADD", config, more);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout);
}

function expectNothingLeft(): void {
  expect(lab.ip("link show", netns)).toHaveLength(1);
  expect(lab.leases("net1").filter((name) => /^(10|fd)/.test(name))).toEqual([]);
}

/** The addresses of a link with their lengths, of a scope, as `ip` shows them. */
function addressesOf(link: string, scope: string, where = lab.host): string[] {
  return lab
    .ip(`address show dev ${link} scope ${scope}`, where)
    .flatMap((each) => Object(each).addr_info)
    .filter(({ local }) => local !== undefined)
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

/** Advertises a prefix and a default route on a link of the host's, and waits until they would have been taken. */
function advertise(link: string): void {
  lab.run(["ip", "address", "add", "fe80::99/64", "dev", link, "nodad"]);
  lab.run(["python3", "-c", ROUTER, link]);
  lab.run(["sleep", "0.3"]);
}

/** RFC 4861, 4.2 and 4.6.2 */
const ROUTER = `
import socket, struct, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
prefix = struct.pack("!BBBBIII16s", 3, 4, 64, 0xc0, 3600, 3600, 0, socket.inet_pton(socket.AF_INET6, "2001:db8:bad::"))
index = socket.if_nametoindex(sys.argv[1])
s.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + prefix, ("ff02::1", 0, 0, index))
`;

/** A machine beside the host, which reaches containers through it. */
function addOutside(): string {
  const outside = lab.addNamespace("outside");
  lab.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "out0", "netns", outside]);
  lab.run(["ip", "address", "add", "192.0.2.1/24", "dev", "up0"]);
  lab.run(["ip", "address", "add", "2001:db8::1/64", "dev", "up0", "nodad"]);
  lab.run(["ip", "link", "set", "up0", "up"]);
  for (const args of [
    "address add 192.0.2.2/24 dev out0",
    "address add 2001:db8::2/64 dev out0 nodad",
    "link set out0 up",
    "route add 10.88.0.0/16 via 192.0.2.1",
    "route add fd00:88::/32 via 2001:db8::1",
  ])
    lab.run(["ip", ...args.split(" ")], outside);
  // Both ends know each other, whatever the test machine's load is.
  lab.run(["ping", "-c1", "-W9", "2001:db8::1"], outside);
  return outside;
}

const dualStack = ["10.88.0.0/24", "fd00:88::/64"];

describe("bridge ADD, of addresses", () => {
  it.each([
    ["a new bridge", {}, []],
    ["a new bridge again, after removeEmptyBridge", { removeEmptyBridge: true }, []],
    ["a bridge that was there without ports", {}, ["ip link add br0 type bridge", "ip link set br0 up"]],
  ])("is reached from outside with the first packet, in both families: %s", (_, more, before) => {
    for (const command of before) lab.run(command.split(" "));
    const config = network(dualStack, { isDefaultGateway: true, ...more });
    const outside = addOutside();
    if ("removeEmptyBridge" in more) {
      add(config);
      expect(run("DEL", config)).toMatchObject({ status: 0 });
    }
    const { ips } = add(config);
    for (const { address } of ips) {
      const [ip = ""] = address.split("/");
      // One second is less than duplicate address detection takes.
      lab.run(["ping", "-c1", "-W1", ip], outside);
    }
  });

  it("gives the gateway a link-local address that is ready, also where the bridge makes none of its own", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.run(["ip", "link", "set", "br0", "addrgenmode", "none"]);
    add(network(dualStack));
    expect(addressesOf("br0", "link")).toEqual([expect.stringMatching(/^fe80::/)]);
    expect(lab.ip("-6 address show dev br0 tentative")).toEqual([]);
  });

  it("leaves the container the addresses and routes of the result, whatever routers advertise on the bridge", () => {
    const { ips } = add(network(dualStack, { isDefaultGateway: true }));
    advertise("br0");
    expect(addressesOf("eth0", "global", netns)).toEqual(ips.map(({ address }: { address: string }) => address));
    const defaults = [...lab.ip("-4 route show default", netns), ...lab.ip("-6 route show default", netns)];
    expect(defaults).toMatchObject([{ gateway: "10.88.0.1" }, { gateway: "fd00:88::1" }]);
  });

  it("with hairpinMode: gives the container none of its own announcements back, which its kernel would log", () => {
    add(network(["10.1.0.0/24", "fd00:1::/64"], { hairpinMode: true }));
    const counters = lab.run(["cat", "/proc/net/snmp6"], netns);
    expect(counters).toMatch(/^Icmp6OutNeighborAdvertisements\s+[1-9]/m);
    expect(counters).toMatch(/^Icmp6InNeighborAdvertisements\s+0$/m);
    expect(lab.run(["bridge", "-d", "link", "show"])).toMatch(/hairpin on/);
  });

  it("leaves a container without IPAM what routers advertise", () => {
    const { ipam: _, ...layer2 } = network(dualStack, { isGateway: false });
    add(layer2);
    advertise("br0");
    expect(addressesOf("eth0", "global", netns)).toEqual([expect.stringMatching(/^2001:db8:bad:/)]);
    expect(lab.ip("-6 route show default", netns)).toHaveLength(1);
  });

  it("without enabledad: looks for no duplicates of the result's addresses, and waits for no others", () => {
    lab.run(["sysctl", "-qw", "net.ipv6.conf.all.accept_dad=1"], netns);
    lab.run(["sysctl", "-qw", "net.ipv6.conf.default.dad_transmits=60"], netns);
    add(network(dualStack));
    expect(addressesOf("eth0", "global tentative", netns)).toEqual([]);
    expect(addressesOf("eth0", "link tentative", netns)).toHaveLength(1);
  });

  it("with enabledad: waits for the result's addresses, and refuses one that another host has", () => {
    add(network(dualStack, { enabledad: true }));
    expect(addressesOf("eth0", "global tentative", netns)).toEqual([]);
    lab.run(["ip", "address", "add", "fd00:88::3/64", "dev", "br0", "nodad"]);
    const other = { netns: lab.addNamespace("c2"), containerId: "c2" };
    expect(errorOf(run("ADD", network(dualStack, { enabledad: true }), other))).toMatchObject({ code: 101 });
  });
});

describe("bridge ADD, of a spanning tree", () => {
  it("waits until the port forwards, and says why", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge", "stp_state", "1", "forward_delay", "200"]);
    const { status, stdout, stderr } = run("ADD", network(["10.88.0.0/24"]));
    expect(status, stdout).toBe(0);
    expect(stderr).toMatch(
      /^Bridge "br0" takes part in a spanning tree: its port "veth[0-9a-f]{8}" forwards after 4 s, and ADD waits for that; .*\n$/,
    );
    lab.run(["ping", "-c1", "-W1", "10.88.0.2"]);
  });

  it("CHECK names a port that the spanning tree holds back", () => {
    const config = network(["10.88.0.0/24"]);
    const prevResult = add(config);
    lab.run(["ip", "link", "set", "br0", "type", "bridge", "stp_state", "1"]);
    lab.run(["ip", "link", "set", prevResult.interfaces[1].name, "down"]);
    lab.run(["ip", "link", "set", prevResult.interfaces[1].name, "up"]);
    expect(errorOf(run("CHECK", { ...config, prevResult })).msg).toContain(
      'does not forward: the spanning tree of bridge "br0" holds it back',
    );
  });
});

describe("bridge ADD, of small MTUs", () => {
  it("refuses IPv6 addresses with an mtu below 1280, which the kernel would take away", () => {
    expect(errorOf(run("ADD", network(dualStack, { mtu: 1279 })))).toMatchObject({
      code: 7,
      msg: "Cannot use mtu 1279 with address fd00:88::2/64: IPv6 needs at least 1280",
    });
    expectNothingLeft();
    add(network(dualStack, { mtu: 1280 }));
  });

  it("takes it for IPv4 alone", () => {
    add(network(["10.88.0.0/24"], { mtu: 600 }));
    lab.run(["ping", "-c1", "-W1", "10.88.0.2"]);
  });

  it("refuses one with which the bridge would lose its IPv6 addresses", () => {
    add(network(dualStack));
    const other = { netns: lab.addNamespace("c2"), containerId: "c2" };
    expect(errorOf(run("ADD", network(["10.88.0.0/24"], { mtu: 1200 }), other))).toMatchObject({
      code: 7,
      msg: 'Cannot use mtu 1200: bridge "br0" has fd00:88::1/64, and would lose it; IPv6 needs at least 1280',
    });
    lab.run(["ping", "-c1", "-W1", "fd00:88::2"]);
  });

  it("refuses IPv6 on a bridge whose own MTU is too small", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.run(["ip", "link", "set", "br0", "mtu", "1200"]);
    expect(errorOf(run("ADD", network(dualStack)))).toMatchObject({
      code: 106,
      msg: 'Cannot give bridge "br0" address fd00:88::1/64: its MTU is 1200, IPv6 needs at least 1280',
    });
    expectNothingLeft();
  });
});

describe("bridge ADD, of several IPv4 range sets", () => {
  const subnets = ["10.88.0.0/24", "10.89.0.0/24", "fd00:88::/64", "fd00:89::/64"];

  it.each([false, true])(
    "gives the bridge the gateway of each, forceAddress %s, and CHECK finds them",
    (forceAddress) => {
      const config = network(subnets, { forceAddress, isDefaultGateway: true });
      const prevResult = add(config);
      for (const address of ["10.88.0.1", "10.89.0.1", "fd00:88::1", "fd00:89::1"])
        lab.run(["ping", "-c1", "-W1", address], netns);
      const other = { netns: lab.addNamespace("c2"), containerId: "c2" };
      add(config, other);
      expect(run("CHECK", { ...config, prevResult })).toMatchObject({ status: 0, stdout: "", stderr: "" });
    },
  );

  it("still refuses the address of another network, and replaces that alone with forceAddress", () => {
    lab.run(["ip", "link", "add", "br0", "type", "bridge"]);
    lab.run(["ip", "address", "add", "10.90.0.1/24", "dev", "br0"]);
    expect(errorOf(run("ADD", network(subnets)))).toMatchObject({ code: 106 });
    add(network(subnets, { forceAddress: true }));
    const [shown] = lab.ip("-4 address show dev br0");
    expect(Object(shown).addr_info.map(({ local }: { local: string }) => local)).toEqual(["10.88.0.1", "10.89.0.1"]);
  });
});

describe("bridge ADD, of routes", () => {
  const show = (args: string) => lab.ip(`route show ${args}`, netns);

  it("makes one of those that are the same, however they are written", () => {
    const routes = [
      { dst: "10.1.0.0/16" },
      { dst: "10.1.0.0/16" },
      { dst: "10.1.2.3/16", gw: "10.88.0.1", table: 254 },
      { dst: "fd01::/64" },
      { dst: "fd01::/64", gw: "fd00:88::1" },
    ];
    add(network(dualStack, { ipam: { routes } }));
    expect(show("10.1.0.0/16")).toHaveLength(1);
    expect(lab.ip("-6 route show fd01::/64", netns)).toHaveLength(1);
  });

  it.each([
    ["scope link, which has no gateway", { scope: 253 }, { scope: "link" }, undefined],
    ["scope site, with IPAM's gateway", { scope: 200 }, { scope: "site" }, "10.88.0.1"],
    ["a priority and a table, with IPAM's gateway", { priority: 7, table: 1000 }, { metric: 7 }, "10.88.0.1"],
    ["scope link in a table", { scope: 253, table: 1000, priority: 3 }, { scope: "link", metric: 3 }, undefined],
    ["an mtu and a gateway of its own", { gw: "10.88.0.9", mtu: 1400 }, { metrics: [{ mtu: 1400 }] }, "10.88.0.9"],
    ["an mtu on the link", { scope: 253, mtu: 1400 }, { metrics: [{ mtu: 1400 }] }, undefined],
  ])("makes a route with %s", (_, fields, expected, gateway) => {
    const config = network(["10.88.0.0/24"], { ipam: { routes: [{ dst: "10.5.0.0/16", ...fields }] } });
    const prevResult = add(config);
    const [route] = show(`10.5.0.0/16 table ${"table" in fields ? fields.table : "main"}`);
    expect(route).toMatchObject(expected);
    expect(Object(route).gateway).toBe(gateway);
    expect(run("CHECK", { ...config, prevResult })).toMatchObject({ status: 0, stdout: "" });
  });

  it("makes a route on the link where the network has no gateway", () => {
    const config = { ...network(["10.88.0.0/24"], { isGateway: false }) };
    const ipam = {
      ...config.ipam,
      ranges: [[{ subnet: "10.88.0.2/32" }]],
      routes: [{ dst: "10.6.0.0/16", priority: 5 }],
    };
    add({ ...config, ipam });
    expect(show("10.6.0.0/16")).toMatchObject([{ metric: 5, dev: "eth0" }]);
  });

  it("isDefaultGateway: gives the main table a default route, also where IPAM has one for another table", () => {
    const routes = [{ dst: "0.0.0.0/0", gw: "10.88.0.1", table: 1000 }];
    add(network(["10.88.0.0/24"], { isDefaultGateway: true, ipam: { routes } }));
    expect(show("default")).toMatchObject([{ gateway: "10.88.0.1" }]);
    expect(show("default table 1000")).toMatchObject([{ gateway: "10.88.0.1" }]);
  });

  it.each([
    ["scope", 256, "an integer from 0 to 255"],
    ["table", -1, "an integer from 0 to 4294967295"],
    ["priority", 4294967296, "an integer from 0 to 4294967295"],
  ])("refuses a %s of %i, which the kernel cannot be told", (key, value, requirement) => {
    const config = network(["10.88.0.0/24"], { ipam: { routes: [{ dst: "10.5.0.0/16", [key]: value }] } });
    expect(errorOf(run("ADD", config))).toMatchObject({
      code: 7,
      msg: `Cannot use ipam.routes[0].${key} ${value}: must be ${requirement}`,
    });
    expectNothingLeft();
  });
});

describe("bridge ADD, of a MAC that no interface can have", () => {
  it.each(["02:00:00:00:00:00:00:01", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"])(
    "refuses %s before anything is made, and names it",
    (mac) => {
      const config = network(["10.88.0.0/24"], { runtimeConfig: { mac } });
      expect(errorOf(run("ADD", config))).toMatchObject({ code: 7, msg: expect.stringContaining(mac) });
      expect(errorOf(run("ADD", network(["10.88.0.0/24"]), { args: `MAC=${mac}` }))).toMatchObject({
        code: 4,
        msg: expect.stringContaining(mac),
      });
      expect(lab.ip("link show")).toHaveLength(1);
      expect(lab.leases("net1")).toEqual([]);
    },
  );
});

describe("two networks of one subnet on two bridges", () => {
  it.each([
    ["IPv4", ["10.88.0.0/24"], "10.88.0."],
    ["IPv6", ["fd00:88::/64"], "fd00:88::"],
  ])("ADD tells that the host does not reach the second, and CHECK too: %s", (_, subnets, start) => {
    const first = network(subnets);
    const second = network(subnets, { name: "net2", bridge: "br1", ipam: { rangeStart: undefined } });
    const other = { netns: lab.addNamespace("c2"), containerId: "c2" };
    const firstResult = add(first);
    const { status, stdout, stderr } = run("ADD", second, other);
    expect(status).toBe(0);
    const sentence = `The host reaches ${start}2 through link "br0", expected link "br1": both have its network, give each one of its own`;
    expect(stderr).toBe(`${sentence}\n`);
    const prevResult = JSON.parse(stdout);
    expect(errorOf(run("CHECK", { ...second, prevResult }, other))).toMatchObject({ code: 104, msg: sentence });
    expect(run("CHECK", { ...first, prevResult: firstResult })).toMatchObject({ status: 0, stdout: "" });
  });
});
