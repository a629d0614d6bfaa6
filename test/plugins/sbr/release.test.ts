import { expect, test } from "vitest";
import { plugin } from "../../../plugins/sbr/main.ts";
import { createRequest } from "../../../src/cni/request.ts";
import { single } from "../../../src/ip/prefix.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addVeth } from "../../../src/netlink/link/add.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLinkUp } from "../../../src/netlink/link/set.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { addRule } from "../../../src/netlink/rule/change.ts";
import { listRules } from "../../../src/netlink/rule/list.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { address, prefix } from "../../netlink/text.ts";

/** A container with interfaces of these names and addresses. */
function stage(interfaces: Readonly<Record<string, readonly string[]>>) {
  const kernel = new FakeKernel();
  const namespace = kernel.addNamespace("container");
  const netlink = kernel.openRoute(namespace);
  for (const [name, addresses] of Object.entries(interfaces)) {
    addVeth(netlink, { name, up: true, peer: { name: `${name}-peer` } });
    setLinkUp(netlink, getLink(netlink, `${name}-peer`));
    for (const each of addresses)
      addAddress(netlink, getLink(netlink, name), { prefix: prefix(each), withoutDad: true });
  }
  const call = (command: "ADD" | "DEL", ifname: string, ips: readonly object[], fields: object = {}) => {
    const names = Object.keys(interfaces);
    const prevResult = {
      cniVersion: "1.1.0",
      interfaces: names.map((name) => ({ name, sandbox: "/run/netns/container" })),
      ips: ips.map((ip) => ({ interface: names.indexOf(ifname), ...ip })),
    };
    const json = { cniVersion: "1.1.0", name: "net1", type: "sbr", ...(ips.length > 0 && { prevResult }), ...fields };
    const request = createRequest(command, {
      network: { name: "net1", json },
      version: "1.1.0",
      stdin: new Uint8Array(),
      environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: ifname, CNI_NETNS: "/run/netns/container" },
      log: () => {},
    });
    const run = command === "ADD" ? plugin.add : plugin.del;
    run?.(request, hostOn(kernel));
  };
  const rules = () => {
    const lines = kernel.snapshot()["container"]?.policy ?? [];
    return lines
      .filter((line) => line.includes("protocol 67"))
      .map((line) => line.replace(/^IPv(\d) (\d+): /, "$1 $2 "));
  };
  const routes = (table: number) =>
    (kernel.snapshot()["container"]?.routes ?? [])
      .filter((line) => line.includes(`table ${table} `) && !line.includes("dev lo"))
      .map((line) => line.replace(/ table .*/, ""));
  return { kernel, namespace, netlink, call, rules, routes };
}

test("two addresses get two tables, each with its own network, and a route without source or gateway goes to both", () => {
  const { netlink, call, rules, routes } = stage({ net1: ["192.168.1.209/24", "192.168.101.209/24"] });
  addRoute(netlink, getLink(netlink, "net1"), { destination: prefix("10.9.0.0/16") });
  call("ADD", "net1", [
    { address: "192.168.1.209/24", gateway: "192.168.1.1" },
    { address: "192.168.101.209/24", gateway: "192.168.101.1" },
  ]);
  expect(rules()).toEqual([
    "4 20000 from 192.168.1.209/32 lookup 100 protocol 67",
    "4 20000 from 192.168.101.209/32 lookup 101 protocol 67",
  ]);
  expect([routes(100), routes(101)]).toEqual(
    ["192.168.1", "192.168.101"].map((start) => [
      `0.0.0.0/0 via ${start}.1 dev net1`,
      "10.9.0.0/16 dev net1",
      `${start}.0/24 dev net1`,
    ]),
  );
  expect(routes(254).filter((line) => line.includes("dev net1 ") || /^1/.test(line))).toEqual([]);
});

test("a table that has a rule or a route, of either family, is not free", () => {
  const { netlink, call, rules } = stage({ eth0: ["10.0.0.2/24"], net1: ["192.168.1.209/24"] });
  const eth0 = getLink(netlink, "eth0");
  addRule(netlink, { source: prefix("10.0.0.2/32"), table: 100, priority: 5, protocol: 3 });
  addRoute(netlink, eth0, { destination: prefix("10.9.0.0/16"), table: 101 });
  addRule(netlink, { source: prefix("fd00::7/128"), table: 102, priority: 5, protocol: 3 });
  addRoute(netlink, eth0, { destination: prefix("fd01::/64"), table: 103 });
  call("ADD", "net1", [{ address: "192.168.1.209/24" }]);
  expect(rules()).toEqual(["4 20000 from 192.168.1.209/32 lookup 104 protocol 67"]);
});

test("a family without an address keeps its routes, and so does another interface", () => {
  const { netlink, call, routes } = stage({ eth0: ["10.0.0.2/24"], net1: ["192.168.1.209/24", "fd00::9/64"] });
  addRoute(netlink, getLink(netlink, "net1"), { destination: prefix("fd01::/64"), gateway: address("fd00::1") });
  call("ADD", "net1", [{ address: "192.168.1.209/24", gateway: "192.168.1.1" }]);
  expect(routes(254)).toEqual(expect.arrayContaining(["10.0.0.0/24 dev eth0", "fd00::/64 dev net1"]));
  expect(routes(254)).toContain("fd01::/64 via fd00::1 dev net1");
  expect(routes(100)).toEqual(["0.0.0.0/0 via 192.168.1.1 dev net1", "192.168.1.0/24 dev net1"]);
});

test("routes that go with no address stay in main", () => {
  const { netlink, call, routes } = stage({ net1: ["192.168.1.209/24", "172.16.0.5/24"] });
  addRoute(netlink, getLink(netlink, "net1"), { destination: prefix("10.9.0.0/16"), gateway: address("172.16.0.1") });
  call("ADD", "net1", [{ address: "192.168.1.209/24" }]);
  expect(routes(254)).toEqual(
    expect.arrayContaining(["10.9.0.0/16 via 172.16.0.1 dev net1", "172.16.0.0/24 dev net1"]),
  );
  expect(routes(100)).toEqual(["192.168.1.0/24 dev net1"]);
});

test("one next hop of an IPv6 default route moves, the other interface's stays", () => {
  const { netlink, call, routes } = stage({ eth0: ["fd07::2/64"], net1: ["fd00::9/64"] });
  for (const [name, gateway] of [
    ["eth0", "fd07::1"],
    ["net1", "fd00::1"],
  ] as const)
    addRoute(netlink, getLink(netlink, name), { destination: prefix("::/0"), gateway: address(gateway) });
  call("ADD", "net1", [{ address: "fd00::9/64", gateway: "fd00::1" }]);
  expect(routes(254).filter((line) => line.startsWith("::/0"))).toEqual(["::/0 via fd07::1 dev eth0"]);
  expect(routes(100)).toContain("::/0 via fd00::1 dev net1");
  call("DEL", "net1", [{ address: "fd00::9/64", gateway: "fd00::1" }]);
  expect(routes(254).filter((line) => line.startsWith("::/0"))).toEqual([
    "::/0 via fd07::1 dev eth0 via fd00::1 dev net1",
  ]);
});

test("an ADD that comes twice is refused, and changes nothing", () => {
  const { kernel, call } = stage({ net1: ["192.168.1.209/24"] });
  const ips = [{ address: "192.168.1.209/24", gateway: "192.168.1.1" }];
  call("ADD", "net1", ips);
  const before = kernel.snapshot();
  expect(() => call("ADD", "net1", ips)).toThrow("Cannot add a rule for 192.168.1.209: a rule leads it to table 100");
  expect(kernel.snapshot()).toEqual(before);
});

test("DEL of an interface that is gone deletes its rules by the result, and without one those of no link's address", () => {
  for (const ips of [[{ address: "192.168.1.209/24" }], []]) {
    const { netlink, call, rules } = stage({ net1: ["192.168.1.209/24"], net2: ["192.168.2.209/24"] });
    call("ADD", "net1", [{ address: "192.168.1.209/24" }]);
    call("ADD", "net2", [{ address: "192.168.2.209/24" }]);
    deleteLink(netlink, getLink(netlink, "net1"));
    call("DEL", "net1", ips);
    expect(rules()).toEqual(["4 20000 from 192.168.2.209/32 lookup 101 protocol 67"]);
  }
});

test("DEL touches no rule of others', and none of a container that has the place by now", () => {
  const { netlink, call } = stage({ net1: ["192.168.1.209/24"] });
  const others = [
    { source: prefix("192.168.1.209/32"), table: 700, priority: 7, protocol: 3 },
    { source: prefix("192.168.1.0/24"), table: 701, priority: 8, protocol: 0 },
  ];
  for (const rule of others) addRule(netlink, rule);
  call("ADD", "net1", [{ address: "192.168.1.209/24" }]);
  call("DEL", "net1", [{ address: "192.168.77.1/24" }]);
  expect(listRules(netlink, 4).map(({ table }) => table)).toContain(100);
  call("DEL", "net1", []);
  expect(listRules(netlink, 4).map(({ table }) => table)).toEqual([255, 700, 701, 254, 253]);
});

test("DEL deletes the rules of all addresses of the result, however many", () => {
  const ips = Array.from({ length: 120 }, (_, index) => ({ address: `192.168.1.${index + 1}/24` }));
  const { netlink, call, rules } = stage({ net1: ips.map(({ address }) => address) });
  call("ADD", "net1", ips);
  expect(rules()).toHaveLength(120);
  deleteLink(netlink, getLink(netlink, "net1"));
  call("DEL", "net1", ips);
  expect(rules()).toEqual([]);
});

test("DEL of an interface that is gone asks for addresses once, however many rules there are", () => {
  const { kernel, netlink, call, rules } = stage({ eth0: ["192.168.2.1/24", "192.168.2.2/24"] });
  for (const last of [1, 2, 3, 4])
    addRule(netlink, { source: prefix(`192.168.2.${last}/32`), table: 300, priority: 20_000, protocol: 67 });
  const from = kernel.requests;
  call("DEL", "net1", []);
  expect(rules()).toEqual([1, 2].map((last) => `4 20000 from 192.168.2.${last}/32 lookup 300 protocol 67`));
  expect(kernel.log.slice(from).filter((line) => line.includes("list the IPv4 addresses"))).toHaveLength(1);
});

test("DEL moves at most 1000 routes, and deletes the rules of a container that made more", () => {
  const { netlink, call, routes, rules } = stage({ net1: ["192.168.1.209/24"] });
  const ips = [{ address: "192.168.1.209/24" }];
  call("ADD", "net1", ips);
  const net1 = getLink(netlink, "net1");
  for (let value = 0n; value < 1005n; value++)
    addRoute(netlink, net1, { destination: single({ family: 4, value: 0x0a000000n + value }), table: 100 });
  call("DEL", "net1", ips);
  expect(routes(100)).toHaveLength(6);
  expect(rules()).toEqual([]);
});

test("DEL deletes the Go plugin's rules, and leaves the routes of its table", () => {
  const { netlink, call, routes } = stage({ net1: ["192.168.1.209/24"] });
  addRule(netlink, { source: prefix("192.168.1.209/32"), table: 100, priority: 32_765, protocol: 0 });
  addRoute(netlink, getLink(netlink, "net1"), { destination: prefix("10.9.0.0/16"), table: 100 });
  call("DEL", "net1", []);
  expect(listRules(netlink, 4).map(({ table }) => table)).toEqual([255, 254, 253]);
  expect(routes(100)).toEqual(["10.9.0.0/16 dev net1"]);
});

test("addSourceHints gives main a route to the network where the interface has none, until DEL", () => {
  const { netlink, kernel, namespace, call, routes } = stage({ net1: [] });
  const link = getLink(netlink, "net1");
  addAddress(netlink, link, { prefix: prefix("192.168.1.209/24"), withoutRoute: true });
  const before = kernel.snapshot();
  const ips = [{ address: "192.168.1.209/24", gateway: "192.168.1.1" }];
  call("ADD", "net1", ips, { addSourceHints: true });
  expect(routes(254)).toContain("192.168.1.0/24 dev net1");
  expect(namespace.routes.find(({ table, protocol }) => table === 254 && protocol === 67)).toMatchObject({
    preferredSource: address("192.168.1.209"),
  });
  call("DEL", "net1", ips);
  expect(kernel.snapshot()).toEqual(before);
});
