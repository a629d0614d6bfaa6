import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeAddress, parseAddress } from "../../src/ip/address.ts";
import { encodeMac } from "../../src/ip/mac.ts";
import { readBootClock } from "../../src/linux/boot-clock.ts";
import { withNetns } from "../../src/linux/netns.ts";
import { udpTo } from "../../src/linux/packet-filter.ts";
import { BROADCAST, ETH_P, openPacketSocket } from "../../src/linux/packet-socket.ts";
import { poll } from "../../src/linux/poll.ts";
import { openUdpSocket } from "../../src/linux/udp-socket.ts";
import { Namespaces } from "./namespaces.ts";

const namespaces = new Namespaces();
let server = "";
let client = "";

beforeAll(() => {
  server = namespaces.add("server");
  client = namespaces.add("client");
  const peer = client.split("/").at(-1);
  namespaces.run(server, `ip link add v0 type veth peer name eth0 netns ${peer}`);
  namespaces.run(server, "ip addr add 10.77.0.1/24 dev v0");
  namespaces.run(server, "ip link set v0 up");
  namespaces.run(client, "ip link set eth0 up");
});

afterAll(() => namespaces.dispose());

function indexOf(netns: string, link: string): number {
  const [found] = namespaces.ip(netns, `link show ${link}`) as { ifindex: number }[];
  return found?.ifindex ?? 0;
}

/** Options of a socket for the packets to a port. */
function udpOn(netns: string, link: string, port: number) {
  return { index: indexOf(netns, link), protocol: ETH_P.IP, filter: udpTo(port) };
}

/** Sends UDP from the server to everyone on the link. */
function tell(port: number, text: string): void {
  const program = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"v0")
s.sendto(b"${text}", ("255.255.255.255", ${port}))`;
  const { status, stderr } = spawnSync("nsenter", [`--net=${server}`, "python3", "-c", program], { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
}

test("openPacketSocket() receives packets to its port, without an address, and no others", () => {
  const socket = withNetns(client, () => openPacketSocket(udpOn(client, "eth0", 68)));
  try {
    tell(69, "other");
    tell(68, "mine");
    expect(poll([socket.fd], 10_000)).toEqual([true]);
    expect(socket.receive().map(({ packet }) => Buffer.from(packet.subarray(28)).toString())).toEqual(["mine"]);
    expect(socket.receive()).toEqual([]);
  } finally {
    socket.close();
  }
});

test("openPacketSocket() sends a packet as it is, gives its sender, and refuses on a link that is down", () => {
  const [sender, receiver] = [
    withNetns(client, () => openPacketSocket(udpOn(client, "eth0", 68))),
    withNetns(server, () => openPacketSocket(udpOn(server, "v0", 67))),
  ];
  try {
    const packet = new Uint8Array(40);
    packet.set([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 17]);
    packet.set([0, 68, 0, 67, 0, 20], 20);
    sender.send(packet, BROADCAST);
    expect(poll([receiver.fd], 10_000)).toEqual([true]);
    const [{ address = "" } = {}] = namespaces.ip(client, "link show eth0") as { address?: string }[];
    expect(receiver.receive()).toEqual([{ packet, sender: encodeMac(address) }]);
    namespaces.run(client, "ip link set eth0 down");
    expect(() => sender.send(packet, BROADCAST)).toThrow(expect.objectContaining({ code: "ENETDOWN" }));
  } finally {
    sender.close();
    receiver.close();
    namespaces.run(client, "ip link set eth0 up");
  }
});

test("openUdpSocket() says until when a datagram waits for a neighbour's MAC", () => {
  namespaces.run(client, "ip addr add 10.77.0.2/24 dev eth0");
  const from = { address: Uint8Array.of(10, 77, 0, 2), port: 68 };
  const link = { name: "eth0", index: indexOf(client, "eth0") };
  const socket = withNetns(client, () => openUdpSocket(from, link));
  try {
    socket.send(Uint8Array.of(1), { address: Uint8Array.of(10, 77, 0, 9), port: 67 });
    expect(socket.isSending()).toBe(true);
    const until = performance.now() + 20_000;
    while (socket.isSending() && performance.now() < until) poll([], 10);
    expect(socket.isSending()).toBe(false);
    expect(() =>
      withNetns(client, () => openUdpSocket({ ...from, address: Uint8Array.of(10, 9, 9, 9) }, link)),
    ).toThrow(expect.objectContaining({ code: "EADDRNOTAVAIL" }));
    expect(() => withNetns(client, () => openUdpSocket(from, { ...link, name: "eth7" }))).toThrow(
      expect.objectContaining({ code: "ENODEV" }),
    );
  } finally {
    socket.close();
  }
});

test("readBootClock() goes on, in milliseconds", () => {
  const first = readBootClock();
  poll([], 20);
  const passed = readBootClock() - first;
  expect(passed).toBeGreaterThanOrEqual(19);
  expect(passed).toBeLessThan(20_000);
});

test("openUdpSocket() sends from an IPv6 address of a link to a group, and receives there what is sent to that address", () => {
  const own = linkLocal(client, "eth0");
  const peer = linkLocal(server, "v0");
  const group = Uint8Array.of(0xff, 2, ...Array(13).fill(0), 1);
  const [near, far] = [
    { name: "eth0", index: indexOf(client, "eth0") },
    { name: "v0", index: indexOf(server, "v0") },
  ];
  const socket = withNetns(client, () => openUdpSocket({ address: own, port: 546 }, near));
  const other = withNetns(server, () => openUdpSocket({ address: peer, port: 547 }, far));
  const groupSocket = withNetns(server, () => openUdpSocket({ address: group, port: 547 }, far));
  try {
    socket.send(Uint8Array.of(1, 2), { address: group, port: 547 });
    poll([groupSocket.fd], 5000);
    expect(groupSocket.receive()).toEqual([Uint8Array.of(1, 2)]);
    other.send(Uint8Array.of(3), { address: own, port: 546 });
    poll([socket.fd], 5000);
    expect(socket.receive()).toEqual([Uint8Array.of(3)]);
    expect(socket.receive()).toEqual([]);
  } finally {
    for (const each of [socket, other, groupSocket]) each.close();
  }
});

/** A link's own IPv6 address, once the kernel has found no duplicate. */
function linkLocal(netns: string, link: string): Uint8Array {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; poll([], 20)) {
    const [found] = namespaces.ip(netns, `-6 address show dev ${link} scope link -tentative`) as {
      addr_info?: { local: string }[];
    }[];
    const address = parseAddress(found?.addr_info?.[0]?.local ?? "");
    if (address !== undefined) return encodeAddress(address);
  }
  throw new Error(`${link} has no link-local address`);
}
