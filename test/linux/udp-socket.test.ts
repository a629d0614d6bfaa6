import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openUdpSocket } from "../../src/linux/udp-socket.ts";
import { libc } from "../../src/platform/libc.ts";
import { bytesOf } from "../netlink/captured.ts";
import { FakeSockets } from "../netlink/fake-sockets.ts";

let sockets: FakeSockets;

beforeEach(() => {
  sockets = new FakeSockets();
});

afterEach(() => void vi.restoreAllMocks());

const link = { name: "eth0", index: 7 };
const ipv4 = { address: bytesOf("0a000002"), port: 68 };
const ipv6 = { address: bytesOf("fe800000000000000000000000000002"), port: 546 };

test.each([
  ["IPv4", ipv4, 2, "02000044" + "0a000002" + "0000000000000000"],
  [
    "IPv6, with the link that the address belongs to",
    ipv6,
    10,
    `0a00022200000000${"fe80"}${"00".repeat(13)}0207000000`,
  ],
])("openUdpSocket() binds to a link and an address of it: %s", (_, from, family, address) => {
  const { send, close } = openUdpSocket(from, link);
  // SOCK_DGRAM and SOCK_CLOEXEC; SO_REUSEADDR and SO_BINDTODEVICE of SOL_SOCKET, "eth0"
  expect(sockets.log).toEqual([
    `socket ${family} ${2 | 0o2000000} 0`,
    "set 1 2 01000000",
    "set 1 25 6574683000",
    `bind ${address}`,
  ]);
  send(bytesOf("0101"), from);
  expect([sockets.sent, sockets.log.at(-1)]).toEqual([["0101"], `send to ${address}`]);
  close();
  expect(sockets.open).toBe(0);
});

test("openUdpSocket() throws where it cannot be bound to the link, and leaves nothing open", () => {
  sockets.unknownOptions.push(25);
  expect(() => openUdpSocket(ipv4, link)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/^Cannot bind a socket to link "eth0": /),
      syscall: "setsockopt",
    }),
  );
  expect(sockets.open).toBe(0);
});

test("a UDP socket has what has arrived", () => {
  const { receive } = openUdpSocket(ipv6, link);
  sockets.answers.push({ bytes: bytesOf("0201") }, { bytes: bytesOf("0202") });
  expect(receive()).toEqual([bytesOf("0201"), bytesOf("0202")]);
  expect(receive()).toEqual([]);
});

test.each([
  ["0a000000", 0, true],
  ["00000000", 0, false],
  ["0a000000", -1, false],
])("isSending(): of 0x%s bytes that wait, with the answer %i, is %s", (count, answer, isSending) => {
  const socket = openUdpSocket(ipv4, link);
  const ask = vi.spyOn(libc().functions, "ioctl").mockImplementation((_fd, _what, argument) => {
    if (argument instanceof Uint8Array) argument.set(bytesOf(count));
    return answer;
  });
  expect(socket.isSending()).toBe(isSending);
  // TIOCOUTQ
  expect(ask).toHaveBeenCalledExactlyOnceWith(socket.fd, 0x5411, expect.any(Uint8Array));
});
