import { beforeEach, describe, expect, it, vi } from "vitest";
import { encodeArpProbe } from "../../../plugins/static/arp.ts";
import { refuseConflicts } from "../../../plugins/static/conflict.ts";
import { plugin } from "../../../plugins/static/main.ts";
import { encodeSolicitation } from "../../../plugins/static/neighbour.ts";
import { createRequest } from "../../../src/cni/request.ts";
import type { Address } from "../../../src/ip/address.ts";
import { decodeMac, encodeMac } from "../../../src/ip/mac.ts";
import { icmp6Types } from "../../../src/linux/packet-filter.ts";
import {
  ETH_P,
  type PacketSocket,
  type PacketSocketOptions,
  type ReceivedPacket,
} from "../../../src/linux/packet-socket.ts";
import { addIfb } from "../../../src/netlink/link/add.ts";
import { addChild, type ChildSettings, IPVLAN_MODE, MACVLAN_MODE } from "../../../src/netlink/link/child.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { setLink, setLinkUp } from "../../../src/netlink/link/set.ts";
import type { Container } from "../../../src/steps/host.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { capturedPacket, changedPacket } from "./captured.ts";

/** What a socket was opened for, what it has sent, and what arrives after each probe. */
const wire = vi.hoisted(() => ({
  opened: [] as PacketSocketOptions[],
  closed: 0,
  sent: [] as string[],
  arriving: [] as ReceivedPacket[],
  /** The namespace that the thread is in, and those in which sockets were opened. */
  place: "host",
  places: [] as string[],
  /** The time in ms, and how long was waited for packets each time. */
  now: 0,
  waits: [] as number[],
}));

vi.mock("../../../src/linux/boot-clock.ts", () => ({ readBootClock: () => wire.now }));
vi.mock("../../../src/linux/poll.ts", () => ({
  poll: (_: readonly number[], timeout: number) => {
    wire.waits.push(timeout);
    wire.now += timeout;
  },
}));

vi.mock("../../../src/linux/packet-socket.ts", async (original) => ({
  ...(await original<object>()),
  openPacketSocket: (options: PacketSocketOptions): PacketSocket => {
    wire.opened.push(options);
    wire.places.push(wire.place);
    let isAnswered = true;
    const close = () => {
      wire.closed += 1;
    };
    return {
      fd: -1,
      send: (packet, to) => {
        wire.sent.push(`${Buffer.from(packet).toString("hex")} to ${Buffer.from(to).toString("hex")}`);
        isAnswered = false;
      },
      receive: () => {
        if (isAnswered) return [];
        isAnswered = true;
        return wire.arriving;
      },
      close,
      leave: close,
    };
  },
}));

const OTHER = "02:00:00:00:00:01";
const ip4 = { family: 4, value: 0x0a5d0001n } as const;
const ip6 = { family: 6, value: 0xfd000093000000000000000000000001n } as const;

beforeEach(() =>
  Object.assign(wire, { opened: [], places: [], closed: 0, sent: [], arriving: [], now: 1000, waits: [] }),
);

interface Stage {
  readonly kind?: "macvlan" | "ipvlan";
  /** The ipvlan's mode. */
  readonly mode?: number;
  readonly ifname?: string;
  readonly addresses?: readonly Address[];
  /** The namespace of the link below. */
  readonly below?: "host" | "container" | "another";
  readonly ipam?: object;
}

const BELOW = "02:00:00:00:00:50";

function stage({
  kind = "macvlan",
  mode = IPVLAN_MODE.L2,
  ifname = "eth0",
  addresses = [ip4, ip6],
  below = "host",
  ipam = {},
}: Stage = {}) {
  const kernel = new FakeKernel();
  const open = kernel.openContainer.bind(kernel);
  vi.spyOn(kernel, "openContainer").mockImplementation((namespace) => watched(open(namespace), namespace.name));
  const host = hostOn(kernel);
  const container = kernel.openContainer(kernel.addNamespace("container"));
  const places = {
    host: host.netlink,
    container: container.netlink,
    another: kernel.openRoute(kernel.addNamespace("x")),
  };
  const netlink = places[below];
  // No link has the index of one in another namespace by chance.
  for (const name of ["a", "b", "c"]) addChild(host.netlink, { kind: "dummy", name, settings: {} });
  addChild(places.another, { kind: "dummy", name: "a", settings: {} });
  addIfb(netlink, { name: "up0", mac: BELOW, mtu: 1400, up: true });
  const master = getLink(netlink, "up0");
  setLinkUp(netlink, master);
  const settings: ChildSettings = { mode: kind === "macvlan" ? MACVLAN_MODE.BRIDGE : mode };
  const inside = below === "container" ? {} : { netns: container.netns };
  addChild(netlink, { kind, name: "eth0", settings, parent: master.index, ...inside });
  const logged: string[] = [];
  const json = { cniVersion: "1.1.0", name: "net1", ipam };
  const request = createRequest("ADD", {
    network: { name: "net1", json },
    version: "1.1.0",
    stdin: Buffer.from(JSON.stringify(json)),
    environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: ifname, CNI_NETNS: container.path },
    log: (line) => logged.push(line),
  });
  const link = () => getLink(container.netlink, "eth0");
  const ask = () => refuseConflicts(request, host, addresses);
  return { kernel, host, container, master, link, ask, request, logged };
}

/** The container, whose `within` says where the thread is. */
function watched(container: Container, name: string): Container {
  const within: Container["within"] = (run) => {
    wire.place = name;
    try {
      return container.within(run);
    } finally {
      wire.place = "host";
    }
  };
  return { ...container, within };
}

const from = (mac: string, packet: Uint8Array): ReceivedPacket => ({ packet, sender: encodeMac(mac) });

describe("refuseConflicts()", () => {
  it("probes for each address three times, and leaves the interface up", () => {
    const { link, ask } = stage();
    ask();
    expect(wire.sent).toHaveLength(6);
    expect(new Set(wire.sent).size).toBe(2);
    expect(wire.opened.map(({ index }) => index)).toEqual([link().index, link().index]);
    expect([wire.closed, link().up]).toEqual([2, true]);
    expect(wire.waits).toEqual([100, 100, 200]);
  });

  it("receives the messages of neighbour discovery to all hosts and to those who have an address", () => {
    stage().ask();
    const [arp, nd] = wire.opened;
    expect(arp).toMatchObject({ protocol: ETH_P.ARP });
    expect(nd).toMatchObject({ protocol: ETH_P.IPV6, filter: icmp6Types([135, 136]) });
    expect(nd?.groups?.map(decodeMac)).toEqual(["33:33:00:00:00:01", "33:33:ff:00:00:01"]);
  });

  it.each([
    ["IPv4", [ip4], [ETH_P.ARP]],
    ["IPv6", [ip6], [ETH_P.IPV6]],
    ["none", [], []],
  ])("opens no socket that it has no address for: %s", (_, addresses, protocols) => {
    const { ask, link } = stage({ addresses });
    ask();
    expect(wire.opened.map(({ protocol }) => protocol)).toEqual(protocols);
    expect(link().up).toBe(addresses.length > 0);
  });

  it("logs that a link without a carrier reaches nobody", () => {
    const { host, master, ask, logged } = stage();
    setLink(host.netlink, master, { up: false });
    ask();
    expect(wire.opened).toEqual([]);
    expect(logged).toEqual(['Cannot check for address conflicts: "eth0" has had no carrier for 5 s']);
  });

  it("refuses an interface that does not exist, and one on a link without ARP", () => {
    const message = 'Cannot check for address conflicts: "eth9" is not in /run/netns/container';
    const details = "call static when the interface exists, or remove ipam.checkConflict";
    expect(stage({ ifname: "eth9" }).ask).toThrow(expect.objectContaining({ code: 7, message, details }));
    const refusal = (ifname: string) =>
      expect.objectContaining({
        code: 2,
        message: `Cannot check for address conflicts: "${ifname}" is on a link without ARP`,
        details: "remove ipam.checkConflict",
      });
    expect(stage({ kind: "ipvlan", mode: IPVLAN_MODE.L3 }).ask).toThrow(refusal("eth0"));
    expect(stage({ ifname: "lo" }).ask).toThrow(refusal("lo"));
    expect(wire.opened).toEqual([]);
  });

  it("names each address that another host has, and the host's MAC, and sets the interface down again", () => {
    const { link, ask } = stage();
    wire.arriving = [from(OTHER, capturedPacket("arp reply")), from(OTHER, capturedPacket("advertisement"))];
    const said = ["10.93.0.1", "fd00:93::1"].map(
      (address) => `Cannot use ${address}: the host with MAC ${OTHER} on the link of "eth0" has it`,
    );
    const details = "give the container another address, or remove it from that host";
    expect(ask).toThrow(expect.objectContaining({ code: 101, message: said.join("; "), details }));
    expect(wire.waits).toEqual([100]);
    expect([wire.sent.length, wire.closed, link().up]).toEqual([2, 2, false]);
  });

  it.each(["arp probe", "solicitation"])("counts another host's %s", (name) => {
    const { ask } = stage();
    wire.arriving = [from("02:00:00:00:00:02", capturedPacket(name))];
    expect(ask).toThrow('the host with MAC 02:00:00:00:00:02 on the link of "eth0" asks for it, too');
  });

  it("passes over its own probes, and over other addresses", () => {
    const { link, ask } = stage();
    const { mac } = link();
    const elsewhere = { family: 4, value: 0x0a5d0002n } as const;
    wire.arriving = [
      from(mac, encodeArpProbe(ip4, mac)),
      from(mac, encodeSolicitation(ip6)),
      from(OTHER, encodeArpProbe(elsewhere, OTHER)),
      from(OTHER, Uint8Array.of(1, 2, 3)),
    ];
    ask();
    expect(wire.sent).toHaveLength(6);
  });

  it("passes over a host that looks for an address to send to it, and over what others have", () => {
    const { ask } = stage();
    wire.arriving = [
      from(OTHER, changedPacket("arp probe", 14, 10, 93, 0, 9)),
      from(OTHER, changedPacket("solicitation", 8, 0xfe, 0x80)),
      from(OTHER, changedPacket("advertisement", 63, 9)),
    ];
    ask();
    expect(wire.sent).toHaveLength(6);
  });

  it.each(["host", "container"] as const)(
    "asks on the link below an ipvlan, in the %s: the answers do not reach the ipvlan",
    (below) => {
      const { ask, master } = stage({ kind: "ipvlan", below });
      ask();
      expect(wire.opened.map(({ index }) => index)).toEqual([master.index, master.index]);
      expect(wire.places).toEqual([below, below]);
    },
  );

  it("asks on the ipvlan itself if the link below is in a namespace that it cannot open", () => {
    const { ask, link } = stage({ kind: "ipvlan", below: "another" });
    ask();
    expect(wire.opened.map(({ index }) => index)).toEqual([link().index, link().index]);
    expect(wire.places).toEqual(["container", "container"]);
  });

  it("comes before the addresses that ADD returns, with checkConflict alone", () => {
    wire.arriving = [from(OTHER, capturedPacket("arp reply"))];
    const addresses = [{ address: "10.93.0.1/24", gateway: "10.93.0.9" }];
    const call = (fields: object) => {
      const { host, request } = stage({ ipam: { addresses, ...fields } });
      return plugin.add(request, host);
    };
    expect(() => call({ checkConflict: true })).toThrow("Cannot use 10.93.0.1: the host with MAC");
    const gateway = { family: 4, value: 0x0a5d0009n };
    expect(call({}).ips).toEqual([{ address: { address: ip4, length: 24 }, gateway }]);
  });

  it("leaves nothing when a request is refused", () => {
    const { kernel, link, ask } = stage();
    kernel.refuse(2, 16);
    expect(ask).toThrow();
    expect([wire.opened.length, link().up]).toEqual([0, false]);
  });
});
