import { expect, it, test } from "vitest";
import { plugin } from "../../../plugins/vrf/main.ts";
import { createRequest } from "../../../src/cni/request.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { addChild, findChild, listChildren } from "../../../src/netlink/link/child.ts";
import { deleteLink } from "../../../src/netlink/link/delete.ts";
import { findLink, getLink } from "../../../src/netlink/link/get.ts";
import { setLink, setLinkUp } from "../../../src/netlink/link/set.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import { RT_SCOPE } from "../../../src/netlink/route/header.ts";
import { addRule } from "../../../src/netlink/rule/change.ts";
import { failEach } from "../../kernel/failures.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { address, prefix } from "../../netlink/text.ts";

/** A container with the interfaces net1 and net2, which have an address of each family and some routes. */
function stage() {
  const kernel = new FakeKernel();
  const namespace = kernel.addNamespace("container");
  const netlink = kernel.openRoute(namespace);
  for (const [name, byte] of [
    ["net1", 1],
    ["net2", 2],
  ] as const) {
    addVeth(netlink, { name, up: true, peer: { name: `${name}-peer` } });
    setLinkUp(netlink, getLink(netlink, `${name}-peer`));
    const link = getLink(netlink, name);
    for (const each of [`10.${byte}.0.2/24`, `fd00:${byte}::2/64`])
      addAddress(netlink, link, { prefix: prefix(each), withoutDad: true });
    addRoute(netlink, link, { destination: prefix("0.0.0.0/0"), gateway: address(`10.${byte}.0.1`), mtu: 1300 });
    addRoute(netlink, link, { destination: prefix("::/0"), gateway: address(`fd00:${byte}::1`), priority: byte });
    addRoute(netlink, link, { destination: prefix(`10.${byte}0.0.0/16`), scope: RT_SCOPE.LINK });
  }
  const said: string[] = [];
  const call = (command: "ADD" | "DEL" | "CHECK", fields: object = {}, ifname = "net1") => {
    const prevResult = { cniVersion: "1.1.0", interfaces: [{ name: ifname, sandbox: namespace.path }] };
    const json = { cniVersion: "1.1.0", name: "net1", type: "vrf", vrfname: "red", prevResult, ...fields };
    const request = createRequest(command, {
      network: { name: "net1", json },
      version: "1.1.0",
      stdin: new Uint8Array(),
      environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: ifname, CNI_NETNS: namespace.path },
      log: (line) => void said.push(line),
    });
    const run = { ADD: plugin.add, DEL: plugin.del, CHECK: plugin.check }[command];
    return run(request, hostOn(kernel));
  };
  const inside = () => kernel.snapshot()["container"];
  const routes = (table: number) =>
    (inside()?.routes ?? [])
      .filter((line) => line.includes(`table ${table} `) && line.endsWith("type 1"))
      .map((line) => line.replace(/ table .*/, ""));
  const vrfs = () => listChildren(netlink, "vrf").map(({ link, settings }) => `${link.name} ${settings.table}`);
  return { kernel, netlink, call, inside, routes, vrfs, said };
}

it("takes an interface with its routes of every kind into the VRF, and gives all back", () => {
  const { call, inside, routes, vrfs } = stage();
  const before = inside();
  expect(call("ADD")).toMatchObject({ interfaces: [{ name: "net1" }] });
  expect(vrfs()).toEqual(["red 1"]);
  expect(routes(1)).toEqual([
    "0.0.0.0/0 via 10.1.0.1 dev net1",
    "10.1.0.0/24 dev net1",
    "10.10.0.0/16 dev net1",
    "::/0 via fd00:1::1 dev net1",
    "fd00:1::/64 dev net1",
    "fe80::/64 dev net1",
  ]);
  expect(routes(254).filter((line) => line.includes("net1 "))).toEqual([]);
  expect(inside()?.addresses).toEqual(before?.addresses);
  call("CHECK");
  call("DEL");
  expect(inside()).toEqual(before);
});

it("adds no route to the network that the interface had not", () => {
  const { netlink, call, routes } = stage();
  const link = getLink(netlink, "net1");
  addAddress(netlink, link, { prefix: prefix("10.7.0.2/24"), withoutRoute: true });
  call("ADD");
  expect(routes(1).join()).not.toContain("10.7.0.0/24");
});

it("leaves a route of another table in it, or says why it cannot", () => {
  const { netlink, call, routes, said } = stage();
  const link = getLink(netlink, "net1");
  addRoute(netlink, link, { destination: prefix("10.9.0.0/16"), gateway: address("10.1.0.1"), table: 77 });
  addRoute(netlink, link, { destination: prefix("10.8.0.0/16"), table: 78 });
  call("ADD");
  expect(routes(78)).toEqual(["10.8.0.0/16 dev net1"]);
  // The kernel in memory looks for the gateway in main, which has no route to it any more.
  expect(said).toEqual([expect.stringContaining('"net1" does not get its route 10.9.0.0/16 via 10.1.0.1')]);
});

it.each([
  ["another kind of link", { vrfname: "net2" }, "cmdAdd failed: Netlink net2 is not a VRF"],
  [
    "another table",
    { vrfname: "old", table: 8 },
    "cmdAdd failed: VRF old already exist with different routing table 7",
  ],
  ["no name", { vrfname: "" }, "configuration is expected to have a valid vrf name"],
  ["no result", { prevResult: undefined }, "missing prevResult from earlier plugin"],
])("ADD refuses %s before it changes anything", (_, fields, message) => {
  const { netlink, call, inside } = stage();
  addChild(netlink, { kind: "vrf", name: "old", settings: { table: 7 } });
  const before = inside();
  expect(() => call("ADD", fields)).toThrow(message);
  expect(inside()).toEqual(before);
});

test("ADD refuses an interface that is missing, or in a bridge or a VRF", () => {
  const { netlink, call, vrfs } = stage();
  expect(() => call("ADD", {}, "net9")).toThrow("cmdAdd failed: could not get link by name net9");
  addBridge(netlink, { name: "br0" });
  setLink(netlink, getLink(netlink, "net2"), { master: getLink(netlink, "br0").index });
  expect(() => call("ADD", {}, "net2")).toThrow("cmdAdd failed: interface net2 has already a master set: br0");
  expect(vrfs()).toEqual([]);
  call("ADD");
  expect(() => call("ADD")).toThrow("cmdAdd failed: interface net1 has already a master set: red");
  expect(vrfs()).toEqual(["red 1"]);
});

test("ADD says that the kernel has no VRFs", () => {
  const { kernel, call } = stage();
  kernel.features.kinds.delete("vrf");
  expect(() => call("ADD")).toThrow('Cannot add VRF "red": the kernel has no VRFs');
});

test("ADD brings a VRF up, and leaves it down if it fails", () => {
  const { kernel, netlink, call } = stage();
  addChild(netlink, { kind: "vrf", name: "red", settings: { table: 7 } });
  const isUp = () => getLink(netlink, "red").up;
  kernel.refuse(8);
  expect(() => call("ADD")).toThrow();
  expect(isUp()).toBe(false);
  kernel.heal();
  call("ADD");
  expect(isUp()).toBe(true);
});

// The Go plugin's own cases of a free table: rules and routes count, too.
test.each([
  ["W10.0: the first gap", [1, 2, 3, 5], 4],
  ["W10.1: one more than the last", [1, 2], 3],
  ["W10.2: 1 without any VRF", [], 1],
  ["W10.3: 1000 after 999 VRFs", Array.from({ length: 999 }, (_, index) => index + 1), 1000],
] as const)("%s is the table that ADD chooses", (_, tables, expected) => {
  const { netlink, call } = stage();
  for (const table of tables) addChild(netlink, { kind: "vrf", name: `vrf${table}`, settings: { table } });
  call("ADD");
  expect(findChild(netlink, "vrf", "red")?.settings.table).toBe(expected);
});

test("ADD chooses no table that a rule names or that has routes", () => {
  const { netlink, call, vrfs } = stage();
  addRule(netlink, { source: prefix("fd00::9/128"), table: 1, priority: 100, protocol: 67 });
  addRoute(netlink, getLink(netlink, "net2"), { destination: prefix("10.9.0.0/16"), table: 2 });
  addRoute(netlink, getLink(netlink, "net2"), { destination: prefix("fd09::/64"), table: 3 });
  call("ADD");
  expect(vrfs()).toEqual(["red 4"]);
});

test("an interface leaves the VRF, and another one stays in it until it leaves", () => {
  const { netlink, call, inside, vrfs } = stage();
  const before = inside();
  call("ADD");
  call("ADD", {}, "net2");
  expect(findChild(netlink, "vrf", "red")?.link.alias).toBe("made by the CNI plugin vrf");
  call("DEL");
  call("CHECK", {}, "net2");
  expect(vrfs()).toEqual(["red 1"]);
  call("DEL", {}, "net2");
  expect(inside()).toEqual(before);
});

test("DEL deletes a VRF whose interface is gone, if ADD created it", () => {
  const { netlink, call, vrfs } = stage();
  call("ADD");
  deleteLink(netlink, getLink(netlink, "net1"));
  call("DEL");
  expect(vrfs()).toEqual([]);
  addChild(netlink, { kind: "vrf", name: "red", settings: { table: 7 } });
  call("DEL");
  expect(vrfs()).toEqual(["red 7"]);
});

test("DEL deletes a VRF of an ADD that was killed before it set the alias", () => {
  const { netlink, call, vrfs } = stage();
  addChild(netlink, { kind: "vrf", name: "red", settings: { table: 7 }, group: 0x434e4952 });
  call("DEL");
  expect(vrfs()).toEqual([]);
});

test("DEL deletes a VRF without an alias with its last member, and never one with another alias", () => {
  const { netlink, call, vrfs } = stage();
  addChild(netlink, { kind: "vrf", name: "red", settings: { table: 7 } });
  call("ADD");
  call("DEL");
  expect(vrfs()).toEqual([]);
  addChild(netlink, { kind: "vrf", name: "red", settings: { table: 7 } });
  setLink(netlink, getLink(netlink, "red"), { alias: "mine" });
  call("ADD");
  call("DEL");
  expect(vrfs()).toEqual(["red 7"]);
});

test("DEL leaves an interface in another VRF or a bridge", () => {
  const { netlink, call } = stage();
  addChild(netlink, { kind: "vrf", name: "red", settings: { table: 7 } });
  addBridge(netlink, { name: "br0" });
  call("ADD", { vrfname: "blue" });
  call("DEL");
  setLink(netlink, getLink(netlink, "net2"), { master: getLink(netlink, "br0").index });
  call("DEL", {}, "net2");
  expect(getLink(netlink, "net1").master).toBe(getLink(netlink, "blue").index);
  expect(getLink(netlink, "net2").master).toBe(getLink(netlink, "br0").index);
});

test("DEL leaves the interface of another container, to which the path leads by now", () => {
  const { netlink, call } = stage();
  call("ADD");
  const interfaces = [{ name: "net1", mac: "02:00:00:00:00:99", sandbox: "/run/netns/container" }];
  call("DEL", { prevResult: { cniVersion: "1.1.0", interfaces } });
  expect(findLink(netlink, "red")).toBeDefined();
});

test("DEL without a readable name takes the interface out of a VRF that ADD created, and of no other", () => {
  const { netlink, call, vrfs } = stage();
  call("ADD");
  call("DEL", { vrfname: 7 });
  expect(vrfs()).toEqual([]);
  addChild(netlink, { kind: "vrf", name: "red", settings: { table: 7 } });
  call("ADD");
  call("DEL", { vrfname: undefined });
  expect(vrfs()).toEqual(["red 7"]);
});

test("CHECK says which table the VRF has, and that it is missing, down or without the interface", () => {
  const { netlink, call } = stage();
  expect(() => call("CHECK")).toThrow('Link not found: VRF "red" in /run/netns/container');
  call("ADD");
  expect(() => call("CHECK", { table: 9 })).toThrow('VRF "red" has table 1, expected 9');
  setLink(netlink, getLink(netlink, "red"), { up: false });
  expect(() => call("CHECK")).toThrow('VRF "red" is down');
  setLink(netlink, getLink(netlink, "net1"), { master: 0 });
  expect(() => call("CHECK")).toThrow("failed to find net1 associated to vrf red");
});

test("ADD leaves nothing behind, whichever of its requests fails, if the kernel keeps no addresses", () => {
  const act = ({ call }: ReturnType<typeof stage>) => void call("ADD", {}, "net2");
  expect(failEach(stage, act, ({ inside }) => inside())).toBeGreaterThan(10);
});

test.each(["refuse", "loseAnswer"] as const)("DEL gives all back when it is called again: %s", (how) => {
  for (let n = 1; ; n++) {
    const { kernel, call, inside } = stage();
    const before = inside();
    call("ADD");
    const from = kernel.requests;
    kernel[how](n);
    const isFailed = throws(() => call("DEL"));
    const asked = kernel.log[from + n - 1];
    if (kernel.requests < from + n) break;
    kernel.heal();
    call("DEL");
    expect({ asked, isFailed, inside: inside() }).toEqual({ asked, isFailed: true, inside: before });
  }
});

function throws(act: () => void): boolean {
  try {
    act();
    return false;
  } catch {
    return true;
  }
}
