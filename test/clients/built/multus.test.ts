import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { kernelHasKind } from "../../link-kind.ts";
import { serve, who } from "../runtimes/who.ts";
import type { Selection } from "./kubernetes.ts";
import { MultusNode } from "./multus-node.ts";

let multus: MultusNode;

beforeAll(async () => {
  multus = await MultusNode.start();
}, 1_200_000);
afterAll(() => multus?.dispose());

const outside = { netns: "outside" };
const MAC = "02:00:00:00:00:77";

/** One pod's attachments, and what they are to do. */
interface Shape {
  /** The network-attachment-definitions by name. */
  readonly networks: Readonly<Record<string, object>>;
  readonly pod: readonly Selection[];
  /** Plugins that have to run, beside those of the default network. */
  readonly plugins: readonly string[];
  /** A kind of link that not every kernel has. */
  readonly kind?: string;
  /** Expects that packets arrive. */
  readonly carries: () => void | Promise<void>;
}

/** The example of multus' quick start: no list, an old version, and the old keys of host-local. */
const quickStart = {
  cniVersion: "0.3.0",
  type: "macvlan",
  master: "uplink",
  mode: "bridge",
  ipam: {
    type: "host-local",
    subnet: "192.0.2.0/24",
    rangeStart: "192.0.2.200",
    rangeEnd: "192.0.2.216",
    routes: [{ dst: "0.0.0.0/0" }],
    gateway: "192.0.2.2",
  },
};

function list(...plugins: readonly object[]): object {
  return { cniVersion: "1.0.0", name: "lan", plugins };
}

/** An attachment is a machine of its own: the outside sees its address, and reaches it there. */
function expectOnTheWire(ifname: string, gateway = "192.0.2.2"): string {
  const address = addressOf(ifname);
  expect(multus.ask(gateway, ifname)).toMatchObject({ client: address });
  expect(who(multus.node, address, outside)).toMatchObject({ client: gateway });
  return address;
}

/** The only IPv4 address of an interface of the pod. */
function addressOf(ifname: string): string {
  const found = multus.inPod(`ip -4 -oneline addr show dev ${ifname}`).match(/(?<=inet )[\d.]+/g);
  expect(found).toHaveLength(1);
  return String(found);
}

const SHAPES: Readonly<Record<string, Shape>> = {
  "macvlan with host-local, as in multus' quick start": {
    networks: { "macvlan-conf": quickStart },
    pod: [{ name: "macvlan-conf" }],
    plugins: ["macvlan"],
    carries: () => {
      expect(expectOnTheWire("net1")).toBe("192.0.2.200");
    },
  },
  "macvlan with static, both families by annotation, and sbr": {
    networks: {
      fixed: list(
        { type: "macvlan", master: "uplink", capabilities: { ips: true }, ipam: { type: "static" } },
        { type: "sbr", gateways: ["192.0.2.2", "2001:db8::2"] },
      ),
    },
    pod: [{ name: "fixed", ips: ["192.0.2.77/24", "2001:db8::77/64"] }],
    plugins: ["macvlan", "sbr"],
    carries: () => {
      expect(expectOnTheWire("net1")).toBe("192.0.2.77");
      for (const [far, address] of [
        ["203.0.113.1", "192.0.2.77"],
        ["[2001:db8:f::1]", "2001:db8::77"],
      ] as const) {
        expect(multus.ask(far, address)).toMatchObject({ client: address });
        // What has no address of its own leaves by the default network, as before.
        expect(multus.ask(far, "eth0").client).toMatch(/^(192\.0\.2\.1|2001:db8::1)$/);
      }
    },
  },
  "macvlan with dhcp, a MAC by annotation, and tuning": {
    networks: {
      leased: list(
        { type: "macvlan", master: "uplink", capabilities: { ips: true, mac: true }, ipam: { type: "dhcp" } },
        { type: "tuning" },
      ),
    },
    pod: [{ name: "leased", mac: MAC }],
    plugins: ["macvlan", "tuning"],
    carries: () => {
      const address = expectOnTheWire("net1");
      expect(multus.server.leases()).toMatchObject([{ mac: MAC, address }]);
    },
  },
  "macvlan with dhcp twice": {
    networks: { leased: list({ type: "macvlan", master: "uplink", ipam: { type: "dhcp" } }) },
    pod: [{ name: "leased" }, { name: "leased" }],
    plugins: ["macvlan"],
    carries: () => {
      const addresses = ["net1", "net2"].map(addressOf);
      expect(new Set(addresses).size).toBe(2);
      const [first, second] = addresses;
      expect(multus.ask("192.0.2.2", "net1")).toMatchObject({ client: first });
      expect(multus.ask("192.0.2.2", "net2")).toMatchObject({ client: second });
    },
  },
  "macvlan without IPAM, whose pod runs a DHCP client": {
    networks: { layer2: list({ type: "macvlan", master: "uplink", ipam: {} }) },
    pod: [{ name: "layer2" }],
    plugins: ["macvlan"],
    carries: async () => {
      const end = await startDhcpClient("net1");
      expectOnTheWire("net1");
      end();
    },
  },
  "macvlan above another attachment of the pod": {
    networks: {
      first: quickStart,
      virtual: list({
        ...{ type: "macvlan", master: "net1", linkInContainer: true },
        ipam: { type: "static", addresses: [{ address: "192.0.2.99/32" }], routes: [{ dst: "192.0.2.0/24" }] },
      }),
    },
    pod: [{ name: "first" }, { name: "virtual" }],
    plugins: ["macvlan"],
    carries: () => {
      expect(multus.ask("192.0.2.2", "net2")).toMatchObject({ client: "192.0.2.99" });
    },
  },
  "macvlan as the pod's default route, with a MAC in cni-args": {
    networks: { "macvlan-conf": quickStart },
    pod: [{ name: "macvlan-conf", "default-route": ["192.0.2.2"], "cni-args": { mac: MAC } }],
    plugins: ["macvlan"],
    carries: () => {
      const address = expectOnTheWire("net1");
      expect(who(multus.node, "203.0.113.1", { netns: "pod" })).toMatchObject({ client: address });
      expect(multus.inPod("ip -oneline link show dev net1")).toContain(MAC);
    },
  },
  "host-device with host-local and sbr": {
    networks: {
      device: list(
        {
          type: "host-device",
          device: "ens11",
          ipam: { type: "host-local", subnet: "198.51.100.0/24", gateway: "198.51.100.2", rangeStart: "198.51.100.30" },
        },
        { type: "sbr" },
      ),
    },
    pod: [{ name: "device" }],
    plugins: ["host-device", "sbr"],
    carries: () => {
      const address = expectOnTheWire("net1", "198.51.100.2");
      expect(address).toBe("198.51.100.30");
      expect(multus.ask("203.0.113.1", address)).toMatchObject({ client: address });
    },
  },
  "host-device with dhcp and sbr, and a key that nobody knows": {
    networks: {
      device: list({ type: "host-device", device: "ens11", isRdma: true, ipam: { type: "dhcp" } }, { type: "sbr" }),
    },
    pod: [{ name: "device" }],
    plugins: ["host-device", "sbr"],
    carries: () => {
      const address = expectOnTheWire("net1", "198.51.100.2");
      expect(multus.server.leases()).toMatchObject([{ address }]);
      expect(multus.ask("203.0.113.1", address)).toMatchObject({ client: address });
    },
  },
  "ptp beside the default network, with a port": {
    networks: {
      routed: list(
        { type: "ptp", ipam: { type: "host-local", subnet: "10.98.0.0/24" } },
        { type: "portmap", snat: true, capabilities: { portMappings: true } },
      ),
    },
    pod: [{ name: "routed", portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] }],
    plugins: ["ptp", "portmap"],
    carries: () => {
      expect(multus.ask("10.98.0.1", "10.98.0.2")).toMatchObject({ client: "10.98.0.2" });
      expect(who(multus.node, "10.98.0.2")).toMatchObject({ client: "10.98.0.1" });
      expect(who(multus.node, "192.0.2.1:8080", outside)).toMatchObject({ client: "192.0.2.2" });
    },
  },
  "tap, with a machine on it": {
    networks: {
      machine: list({ type: "tap", multiQueue: true, ipam: { type: "static" }, capabilities: { ips: true } }),
    },
    pod: [{ name: "machine", interface: "tap0", ips: ["10.94.0.1/24"] }],
    plugins: ["tap"],
    carries: async () => {
      const end = await startMachine("tap0");
      expect(who(multus.node, "10.94.0.1", { netns: "vm" })).toMatchObject({ client: "10.94.0.9" });
      end();
    },
  },
};

/** The same for the kinds of link that not every kernel has. */
const SHAPES_OF_KINDS: Readonly<Record<string, Shape>> = {
  "ipvlan in mode l2, with both families of host-local and sbr": {
    networks: {
      shared: list(
        {
          ...{ type: "ipvlan", master: "uplink", mode: "l2" },
          ipam: {
            type: "host-local",
            ranges: [
              [{ subnet: "192.0.2.0/24", rangeStart: "192.0.2.210", gateway: "192.0.2.2" }],
              [{ subnet: "2001:db8::/64", rangeStart: "2001:db8::210", gateway: "2001:db8::2" }],
            ],
          },
        },
        { type: "sbr" },
      ),
    },
    pod: [{ name: "shared" }],
    plugins: ["ipvlan", "sbr"],
    kind: "ipvlan",
    carries: () => {
      expect(expectOnTheWire("net1")).toBe("192.0.2.210");
      for (const [far, address] of [
        ["203.0.113.1", "192.0.2.210"],
        ["[2001:db8:f::1]", "2001:db8::210"],
      ] as const)
        expect(multus.ask(far, address)).toMatchObject({ client: address });
    },
  },
  "vlan above another attachment of the pod": {
    networks: {
      first: quickStart,
      tagged: list({
        ...{ type: "vlan", master: "net1", linkInContainer: true, vlanId: 5 },
        ipam: { type: "static", addresses: [{ address: "10.92.5.9/32" }], routes: [{ dst: "10.92.5.0/24" }] },
      }),
    },
    pod: [{ name: "first" }, { name: "tagged" }],
    plugins: ["vlan"],
    kind: "vlan",
    carries: () => {
      for (const command of [
        "ip link add vlan5 link eth0 type vlan id 5",
        "ip addr add 10.92.5.1/24 dev vlan5",
        "ip link set vlan5 up",
      ])
        multus.node.run(command.split(" "), outside);
      expect(multus.ask("10.92.5.1", "net2")).toMatchObject({ client: "10.92.5.9" });
    },
  },
  "macvlan twice in one vrf": {
    networks: {
      red: list(
        { type: "macvlan", master: "uplink", capabilities: { ips: true }, ipam: { type: "static" } },
        { type: "vrf", vrfname: "red" },
      ),
    },
    pod: [
      { name: "red", ips: ["192.0.2.80/24"] },
      { name: "red", ips: ["192.0.2.81/24"] },
    ],
    plugins: ["macvlan", "vrf"],
    kind: "vrf",
    carries: () => {
      for (const [ifname, client] of [
        ["net1", "192.0.2.80"],
        ["net2", "192.0.2.81"],
      ] as const)
        expect(multus.ask("192.0.2.2", ifname)).toMatchObject({ client });
    },
  },
  "macvlan in two vrfs, whose addresses and routes overlap": {
    networks: { red: overlapping("uplink", "red"), blue: overlapping("ens11", "blue") },
    pod: [{ name: "red" }, { name: "blue" }],
    plugins: ["macvlan", "vrf"],
    kind: "vrf",
    carries: () => {
      addOverlap();
      for (const [ifname, netns] of [
        ["net1", "outside"],
        ["net2", "vm"],
      ] as const) {
        for (const address of ["10.92.7.1", "203.0.113.1"])
          expect(multus.ask(address, ifname)).toMatchObject({ client: "10.92.7.9" });
        const [mac] = /(?<=link\/ether )\S+/.exec(multus.inPod(`ip -oneline link show dev ${ifname}`)) ?? ["none"];
        expect(multus.node.run("ip neigh show 10.92.7.9".split(" "), { netns })).toContain(mac);
      }
    },
  },
};

/** The same address and the same routes, in a VRF of that name on another wire. */
function overlapping(master: string, vrfname: string): object {
  const addresses = [{ address: "10.92.7.9/24", gateway: "10.92.7.1" }];
  return list(
    { type: "macvlan", master, ipam: { type: "static", addresses, routes: [{ dst: "203.0.113.0/24" }] } },
    { type: "vrf", vrfname },
  );
}

/** Makes `vm` a machine on the second wire, with the addresses that `outside` has on the first. */
function addOverlap(): void {
  const { node } = multus;
  // `outside` has the address on the first wire, and answers for it there alone.
  node.run(["sysctl", "-qw", "net.ipv4.conf.eth1.arp_ignore=1"], outside);
  node.run("ip link add eth9 link eth1 netns vm type macvlan mode bridge".split(" "), outside);
  for (const command of ["ip link set lo up", "ip link set eth9 up", "ip addr add 203.0.113.1/32 dev lo"])
    node.run(command.split(" "), { netns: "vm" });
  for (const [netns, dev] of [
    ["outside", "eth0"],
    ["vm", "eth9"],
  ] as const)
    node.run(`ip addr add 10.92.7.1/24 dev ${dev}`.split(" "), { netns });
  serve(node, node.dir, { netns: "vm" });
}

/** Starts a machine in the namespace `vm`, 10.94.0.9, on a tap of the pod. @returns what ends it */
async function startMachine(tap: string): Promise<() => void> {
  const { node } = multus;
  const program = path.join(import.meta.dirname, "../machine.py");
  const pid = await node.startUntil("ready", ["python3", program, tap, "/run/netns/vm", "eth0"], { netns: "pod" });
  for (const command of ["ip link set eth0 up", "ip addr add 10.94.0.9/24 dev eth0"])
    node.run(command.split(" "), { netns: "vm" });
  return () => node.kill(pid);
}

/** Starts a DHCP client in the pod, and waits until the interface has an address. @returns what ends it, which gives the address back */
async function startDhcpClient(ifname: string): Promise<() => void> {
  const { node } = multus;
  const script = path.join(node.dir, "udhcpc");
  node.write(script, '#!/bin/sh\n[ "$1" != bound ] || ip addr add "$ip/24" dev "$interface"\n');
  node.run(["chmod", "+x", script]);
  const client = ["/bin/busybox", "udhcpc", "-f", "-R", "-i", ifname, "-s", script];
  const pid = await node.startUntil("obtained", client, { netns: "pod" });
  await node.until(() => multus.inPod(`ip -4 -oneline addr show dev ${ifname}`) !== "");
  return () => node.kill(pid, "TERM");
}

// A test that fails leaves no attachment to the next one.
afterEach(() => {
  multus.run("del");
});

describe("multus attaches a pod to its default network and to", () => {
  test.each(Object.entries(SHAPES))("%s", (_, shape) => expectWhole(shape));
});

// What is skipped here runs in the virtual machine: see CONTRIBUTING.md.
describe("multus attaches a pod to links that not every kernel has:", () => {
  for (const [title, shape] of Object.entries(SHAPES_OF_KINDS))
    test.runIf(shape.kind === undefined || kernelHasKind(shape.kind))(title, () => expectWhole(shape), 600_000);
});

describe("multus leaves nothing", () => {
  test("of a pod of which one network cannot be attached", () => {
    multus.api.define("leased", list({ type: "macvlan", master: "uplink", ipam: { type: "dhcp" } }));
    multus.api.define("broken", list({ type: "macvlan", master: "gone", ipam: { type: "dhcp" } }));
    const before = multus.traces();
    expect(() => multus.add([{ name: "leased" }, { name: "broken" }])).toThrow(/gone/);
    expect(multus.traces()).toEqual(before);
  });

  test("of a pod whose namespace is gone before DEL, but the lease at the server, which ends by itself", async () => {
    const routed = { type: "ptp", ipMasq: true, ipam: { type: "host-local", subnet: "10.98.0.0/24" } };
    multus.api.define("routed", list(routed, { type: "portmap", capabilities: { portMappings: true } }));
    multus.api.define("leased", list({ type: "macvlan", master: "uplink", ipam: { type: "dhcp" } }));
    const { pod: _, served: __, ...before } = multus.traces();
    multus.add([
      { name: "routed", portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }] },
      { name: "leased" },
    ]);
    multus.endPod();
    multus.run("del");
    multus.startPod();
    await expect.poll(() => multus.traces(), { timeout: 20_000 }).toMatchObject(before);
  });
});

/** ADD of a pod with packets, CHECK, and DEL after which everything is as before. */
async function expectWhole({ networks, pod, plugins, carries }: Shape): Promise<void> {
  for (const [name, config] of Object.entries(networks)) multus.api.define(name, config);
  const before = multus.traces();
  const result = multus.add(pod);
  expect(result.ips[0]).toMatchObject({ address: expect.stringMatching(/^10\.97\./) });
  for (const { name } of pod) expect(multus.api.status("pod")).toContain(`"name": "default/${name}"`);
  await carries();
  await expect.poll(() => multus.opened.names(), { timeout: 20_000 }).toEqual(expect.arrayContaining([...plugins]));
  multus.run("check");
  multus.run("del");
  await expect.poll(() => multus.traces(), { timeout: 20_000 }).toEqual(before);
}
