import { beforeEach, describe, expect, it, vi } from "vitest";
import { encodeArpProbe } from "../../../plugins/static/arp.ts";
import { refuseConflicts } from "../../../plugins/static/conflict.ts";
import { encodeSolicitation } from "../../../plugins/static/neighbour.ts";
import { createRequest } from "../../../src/cni/request.ts";
import { encodeMac } from "../../../src/ip/mac.ts";
import type { PacketSocket, PacketSocketOptions, ReceivedPacket } from "../../../src/linux/packet-socket.ts";
import { addChild, type ChildSettings } from "../../../src/netlink/link/child.ts";
import { getLink } from "../../../src/netlink/link/get.ts";
import { FakeKernel } from "../../kernel/fake-kernel.ts";
import { hostOn } from "../../kernel/host.ts";
import { addMaster } from "../master.ts";
import { capturedPacket } from "./captured.ts";

/** What a socket was opened for, what it has sent, and what arrives after each probe. */
const wire = vi.hoisted(() => ({
  opened: [] as PacketSocketOptions[],
  closed: 0,
  sent: [] as string[],
  arriving: [] as ReceivedPacket[],
}));

vi.mock("../../../src/linux/packet-socket.ts", async (original) => ({
  ...(await original<object>()),
  openPacketSocket: (options: PacketSocketOptions): PacketSocket => {
    wire.opened.push(options);
    let isAnswered = true;
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
      close: () => {
        wire.closed += 1;
      },
    };
  },
}));

const OTHER = "02:00:00:00:00:01";
const ip4 = { family: 4, value: 0x0a5d0001n } as const;
const ip6 = { family: 6, value: 0xfd000093000000000000000000000001n } as const;

beforeEach(() => Object.assign(wire, { opened: [], closed: 0, sent: [], arriving: [] }));

function stage(kind: "macvlan" | "ipvlan" = "macvlan") {
  const kernel = new FakeKernel();
  addMaster(kernel);
  const host = hostOn(kernel);
  const container = kernel.openContainer(kernel.addNamespace("container"));
  const master = getLink(host.netlink, "up0");
  const settings: ChildSettings = kind === "macvlan" ? { mode: 4 } : { mode: 0 };
  addChild(host.netlink, { kind, name: "eth0", settings, parent: master.index, netns: container.netns });
  const logged: string[] = [];
  const request = createRequest("ADD", {
    network: { name: "net1", json: {} },
    version: "1.1.0",
    stdin: new Uint8Array(),
    environment: { CNI_CONTAINERID: "c1", CNI_IFNAME: "eth0", CNI_NETNS: container.path },
    log: (line) => logged.push(line),
  });
  const link = () => getLink(container.netlink, "eth0");
  const ask = () => refuseConflicts(request, host, [ip4, ip6]);
  return { kernel, master, link, ask, logged };
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
  });

  it("names each address that another host has, and the host's MAC, and sets the interface down again", () => {
    const { link, ask } = stage();
    wire.arriving = [from(OTHER, capturedPacket("arp reply")), from(OTHER, capturedPacket("advertisement"))];
    const said = ["10.93.0.1", "fd00:93::1"].map(
      (address) => `Cannot use ${address}: the host with MAC ${OTHER} on the link of "eth0" has it`,
    );
    expect(ask).toThrow(expect.objectContaining({ code: 101, message: said.join("; ") }));
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

  it("asks on the link below an ipvlan: the answers do not reach the ipvlan", () => {
    const { ask, master } = stage("ipvlan");
    ask();
    expect(wire.opened.map(({ index }) => index)).toEqual([master.index, master.index]);
  });

  it("leaves nothing when a request is refused", () => {
    const { kernel, link, ask } = stage();
    kernel.refuse(2, 16);
    expect(ask).toThrow();
    expect([wire.opened.length, link().up]).toEqual([0, false]);
  });
});
