import { beforeEach, expect, test } from "vitest";
import { clashCheck } from "../../../src/cnictl/doctor/clashes.ts";
import type { KnownAttachment } from "../../../src/cnictl/inventory/attachments.ts";
import { addAddress } from "../../../src/netlink/address/add.ts";
import { addBridge, addVeth } from "../../../src/netlink/link/add.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink } from "../../../src/netlink/link/set.ts";
import { addRoute } from "../../../src/netlink/route/add.ts";
import type { Rtnetlink } from "../../../src/netlink/socket.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { prefix } from "../../netlink/text.ts";
import { examinationOf, networkOf, ROUTED, wrong } from "./examinee.ts";
import { attachment, cached, inventoryOf } from "./inventory.ts";

const one = networkOf({ plugins: [ROUTED] });

let kernel: FakeKernel;
let host: Rtnetlink;

beforeEach(() => {
  kernel = new FakeKernel();
  host = kernel.openRoute();
});

function addLink(name: string, ...addresses: readonly string[]): void {
  addBridge(host, { name });
  setLink(host, getLink(host, name), { up: true });
  for (const text of addresses)
    addAddress(host, getLink(host, name), { prefix: prefix(text), withoutDad: text.includes(":") });
}

function examine(...networks: readonly ReturnType<typeof networkOf>[]): readonly string[] {
  return examineWith([], ...(networks.length === 0 ? [one] : networks));
}

function examineWith(attachments: readonly KnownAttachment[], ...networks: readonly ReturnType<typeof networkOf>[]) {
  const inventory = () => inventoryOf({ attachments });
  return wrong(clashCheck.run(examinationOf(networks, { kernel, inventory })));
}

test("the bridge's own addresses and routes are no clash", () => {
  addLink("cni0", "10.88.0.1/16", "fd00:88::1/64");
  addLink("eth0", "192.0.2.2/24");
  expect(examine()).toEqual([]);
});

test("another link's address and route in the subnet are errors, for each family", () => {
  addLink("eth0", "10.88.7.1/16", "fd00:88::7/64");
  const cure = "give network x another subnet, or change the other one";
  expect(examine()).toEqual([
    `error x: link "eth0" has the address 10.88.7.1, in its subnet 10.88.0.0/16 | ${cure}`,
    `error x: the host's route to 10.88.0.0/16 through link "eth0" takes packets for its subnet 10.88.0.0/16 | ${cure}`,
    `error x: link "eth0" has the address fd00:88::7, in its subnet fd00:88::/64 | ${cure}`,
    `error x: the host's route to fd00:88::/64 through link "eth0" takes packets for its subnet fd00:88::/64 | ${cure}`,
  ]);
});

test("a route to a part of the subnet is a warning, one to more than it a note until the bridge is there", () => {
  addLink("eth0", "192.0.2.2/24");
  addRoute(host, getLink(host, "eth0"), { destination: prefix("10.88.9.0/24") });
  addRoute(host, getLink(host, "eth0"), { destination: prefix("10.0.0.0/8") });
  expect(examine().map((line) => line.split(" | ")[0])).toEqual([
    'warning x: the host\'s route to 10.88.9.0/24 through link "eth0" takes packets for its subnet 10.88.0.0/16',
    'note x: the host reaches 10.0.0.0/8 through link "eth0"; the part 10.88.0.0/16 of it will be the containers\'',
  ]);
  addLink("cni0", "10.88.0.1/16");
  expect(examine().filter((line) => line.startsWith("note"))).toEqual([]);
});

test("a route through several links is told of by the first", () => {
  for (const name of ["eth0", "eth1"]) addLink(name);
  const ways = ["eth0", "eth1"].map((name) => ({ index: getLink(host, name).index, gateway: undefined }));
  for (const text of ["10.88.9.0/24", "10.0.0.0/8"])
    addRoute(host, getLink(host, "eth0"), { destination: prefix(text) });
  kernel.host.routes = kernel.host.routes.map((each) => (each.table === 254 ? { ...each, ways } : each));
  expect(examine().map((line) => line.split(";")[0]?.split(" | ")[0])).toEqual([
    'warning x: the host\'s route to 10.88.9.0/24 through link "eth0" takes packets for its subnet 10.88.0.0/16',
    'note x: the host reaches 10.0.0.0/8 through link "eth0"',
  ]);
});

test("a default route is no clash", () => {
  addLink("eth0", "192.0.2.2/24");
  addRoute(host, getLink(host, "eth0"), { destination: prefix("0.0.0.0/0") });
  expect(examine()).toEqual([]);
});

test("two networks with overlapping subnets are an error, in whichever order", () => {
  const wide = networkOf({
    name: "wide",
    plugins: [{ type: "bridge", ipam: { type: "host-local", subnet: "10.0.0.0/8" } }],
  });
  expect(examine(one, wide)).toEqual([
    "error x: its subnet 10.88.0.0/16 overlaps 10.0.0.0/8 of network wide: two containers may get one address | give network wide a subnet of its own",
  ]);
  expect(examine(wide, one)).toHaveLength(1);
});

test("two networks on one LAN may share its subnet, but no addresses", () => {
  const lan = (name: string, rangeStart: string, rangeEnd: string) =>
    networkOf({
      name,
      plugins: [{ type: "macvlan", ipam: { type: "host-local", subnet: "10.1.0.0/24", rangeStart, rangeEnd } }],
    });
  const first = lan("a", "10.1.0.10", "10.1.0.19");
  expect(examine(first, lan("b", "10.1.0.20", "10.1.0.29"))).toEqual([]);
  expect(examine(first, lan("b", "10.1.0.19", "10.1.0.29"))).toEqual([
    "error a: its subnet 10.1.0.0/24 overlaps 10.1.0.0/24 of network b: two containers may get one address | set rangeStart and rangeEnd of both",
  ]);
});

test("the gateways and routes of a ptp network's own veths are no clash, those of another's are", () => {
  const attached = networkOf({ plugins: [{ type: "ptp", ipam: ROUTED.ipam }] });
  const addVethOf = (name: string) => {
    addVeth(host, { name, up: true, peer: { name: `${name}p` } });
    setLink(host, getLink(host, `${name}p`), { up: true });
    addAddress(host, getLink(host, name), { prefix: prefix("10.88.0.1/32") });
    return getLink(host, name);
  };
  addRoute(host, addVethOf("marked"), { destination: prefix("10.88.0.2/32") });
  addRoute(host, addVethOf("cached"), { destination: prefix("10.88.0.3/32") });
  // The Go plugins mark no link: only the result of ADD names it.
  const own = [
    attachment("c1", { links: [getLink(host, "marked")] }),
    attachment("c2", { cached: { ...cached("/n"), hostLinks: ["cached"] } }),
  ];
  expect(examineWith(own, attached)).toEqual([]);
  const foreign = own.map((each) => ({ ...each, network: "y" }));
  expect(examineWith([...own.slice(1), ...foreign], attached).map((line) => line.split(" | ")[0])).toEqual([
    'error x: link "marked" has the address 10.88.0.1, in its subnet 10.88.0.0/16',
    `warning x: the host's route to 10.88.0.2/32 through link "marked" takes packets for its subnet 10.88.0.0/16`,
  ]);
});

test("the link in the bridge's VLAN is the network's own", () => {
  addLink("cni0");
  addLink("cni0.5", "10.88.0.1/16");
  expect(examine(networkOf({ plugins: [{ ...ROUTED, vlan: 5 }] }))).toEqual([]);
});

test.each(["macvlan", "ipvlan", "vlan", "host-device", "brigde"])(
  "the host's address in the subnet of a network with %s alone is no clash",
  (type) => {
    addLink("eth0", "10.88.7.1/16");
    expect(examine(networkOf({ plugins: [{ ...ROUTED, type }] }))).toEqual([]);
  },
);
