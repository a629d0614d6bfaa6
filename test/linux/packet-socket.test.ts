import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { udpTo } from "../../src/linux/packet-filter.ts";
import { ETH_P, openPacketSocket } from "../../src/linux/packet-socket.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { bytesOf } from "../netlink/captured.ts";
import { FakeSockets } from "../netlink/fake-sockets.ts";

let sockets: FakeSockets;

beforeEach(() => {
  sockets = new FakeSockets();
});

afterEach(() => void vi.restoreAllMocks());

/** struct sockaddr_ll of a MAC on the link 7, for IPv4. <linux/if_packet.h> */
const addressOf = (mac: string) => `1100080007000000${"00000006"}${mac}0000`;

test("openPacketSocket() receives nothing before the filter and the groups are there", () => {
  const group = bytesOf("333300000001");
  openPacketSocket({ index: 7, protocol: ETH_P.IP, filter: udpTo(68), groups: [group] });
  const [socket, filter, membership, bind] = sockets.log;
  // SOCK_DGRAM and SOCK_CLOEXEC, and no protocol yet
  expect(socket).toBe(`socket 17 ${2 | 0o2000000} 0`);
  // SO_ATTACH_FILTER of SOL_SOCKET: 9 operations
  expect(filter).toMatch(/^set 1 26 0900/);
  // PACKET_ADD_MEMBERSHIP of SOL_PACKET: PACKET_MR_MULTICAST
  expect(membership).toBe("set 263 1 0700000000000600" + "3333000000010000");
  expect(bind).toBe(`bind ${addressOf("ffffffffffff")}`);
  expect(sockets.log).toHaveLength(4);
});

test("openPacketSocket() does without a filter and groups", () => {
  openPacketSocket({ index: 7, protocol: ETH_P.IP });
  expect(sockets.log.slice(1)).toEqual([`bind ${addressOf("ffffffffffff")}`]);
});

test("openPacketSocket() throws where the kernel does not join a group, and leaves nothing open", () => {
  sockets.unknownOptions.push(1);
  expect(() => openPacketSocket({ index: 7, protocol: ETH_P.IP, groups: [bytesOf("333300000001")] })).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/^Cannot join a group of MACs: /),
      syscall: "setsockopt",
    }),
  );
  expect(sockets.open).toBe(0);
});

test("a packet socket sends to a MAC, and knows the MACs that it receives from", () => {
  const { send, receive, close } = openPacketSocket({ index: 7, protocol: ETH_P.IP });
  send(bytesOf("4500"), bytesOf("020000000009"));
  expect([sockets.sent, sockets.log.at(-1)]).toEqual([["4500"], `send to ${addressOf("020000000009")}`]);
  sockets.answers.push({ bytes: bytesOf("450001"), sender: bytesOf(addressOf("02000000000a")) });
  expect(receive()).toEqual([{ packet: bytesOf("450001"), sender: bytesOf("02000000000a") }]);
  sockets.refusals.push(ERRNO.ENETDOWN);
  expect(() => send(bytesOf("4500"), bytesOf("020000000009"))).toThrow(
    new LinuxError("send to a socket", { syscall: "sendto", errno: ERRNO.ENETDOWN }),
  );
  close();
  expect(sockets.open).toBe(0);
});

test("a packet socket is closed also where there is no process in the background", () => {
  openPacketSocket({ index: 7, protocol: ETH_P.IP }).leave();
  expect(sockets.open).toBe(0);
});
