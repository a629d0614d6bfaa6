import fs from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  AF,
  bindSocket,
  getSocketOption,
  openPrepared,
  openSocket,
  receiveDatagram,
  SO,
  SOCK,
  SOL,
  sendDatagram,
  setSocketOption,
} from "../../src/linux/socket.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";

const opened: number[] = [];

function open(): number {
  const fd = openSocket(AF.NETLINK, SOCK.RAW, 0);
  opened.push(fd);
  return fd;
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const fd of opened.splice(0)) fs.closeSync(fd);
});

/** RTM_GETLINK for lo: the kernel answers at once, and needs no privilege to. */
const getLo = new Uint8Array(32);
getLo.set([32, 0, 0, 0, 18, 0, 1, 0, 7]);
getLo[20] = 1;

const receive = (fd: number, size: number, ms: number) =>
  receiveDatagram(fd, { buffer: new Uint8Array(size), sender: new Uint8Array(12), deadline: performance.now() + ms });

test("openSocket() throws the kernel's refusal", () => {
  expect(() => openSocket(AF.NETLINK, SOCK.RAW, 77)).toThrow(
    new LinuxError("open a socket", { syscall: "socket", errno: 93 }),
  );
});

test("openSocket() keeps the socket out of child processes", () => {
  const flags = /flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${open()}`, "utf8"))?.[1] ?? "";

  expect(Number.parseInt(flags, 8) & 0o2000000).not.toBe(0);
});

test("sendDatagram() sends, and receiveDatagram() gives the answer", () => {
  const fd = open();

  sendDatagram(fd, getLo);

  expect(receive(fd, 65_536, 1000)?.subarray(4, 12)).toEqual(new Uint8Array([16, 0, 0, 0, 7, 0, 0, 0]));
});

test("receiveDatagram() is undefined when nothing comes until the deadline", () => {
  const fd = open();
  const begin = performance.now();

  expect(receive(fd, 100, 50)).toBeUndefined();
  expect(performance.now() - begin).toBeGreaterThanOrEqual(50);
});

test("receiveDatagram() throws EMSGSIZE for a datagram longer than the buffer", () => {
  const fd = open();
  sendDatagram(fd, getLo);

  expect(() => receive(fd, 100, 1000)).toThrow(
    new LinuxError("receive from a socket", { syscall: "recvfrom", errno: 90 }),
  );
});

test("sendDatagram() throws the kernel's refusal", () => {
  const fd = fs.openSync("/dev/null", "r");
  opened.push(fd);

  expect(() => sendDatagram(fd, getLo)).toThrow(new LinuxError("send to a socket", { syscall: "sendto", errno: 88 }));
});

test("setSocketOption() says whether the kernel took it", () => {
  expect(setSocketOption(open(), { level: 270, name: 11, value: 1 })).toBe(true);
  expect(setSocketOption(open(), { level: 270, name: 9999, value: 1 })).toBe(false);
});

test("openPrepared() prepares a socket, and closes it where that fails", () => {
  const before = fs.readdirSync("/proc/self/fd").length;
  const kinds = [AF.UNIX, SOCK.DGRAM, 0] as const;
  const seen: number[] = [];
  const fd = openPrepared(kinds, (opening) => void seen.push(opening));
  opened.push(fd);
  expect(seen).toEqual([fd]);
  const failure = new Error("not prepared");
  const fail = () => {
    throw failure;
  };
  expect(() => openPrepared(kinds, fail)).toThrow(failure);
  expect(fs.readdirSync("/proc/self/fd").length).toBe(before + 1);
});

test("bindSocket() throws the kernel's refusal", () => {
  const fd = fs.openSync("/dev/null", "r");
  opened.push(fd);
  expect(() => bindSocket(fd, new Uint8Array(12))).toThrow(
    new LinuxError("bind a socket", { syscall: "bind", errno: 88 }),
  );
});

test("getSocketOption() reads an option, or returns the errno of the refusal", () => {
  const value = new Uint8Array(4);
  // SO_TYPE
  expect(getSocketOption(open(), { level: SOL.SOCKET, name: 3, value })).toBe(0);
  expect(value).toEqual(Uint8Array.of(SOCK.RAW, 0, 0, 0));
  expect(getSocketOption(open(), { level: SOL.SOCKET, name: 9999, value })).toBe(92);
  expect(getSocketOption(-1, { level: SOL.SOCKET, name: SO.NETNS_COOKIE, value })).toBe(9);
});

describe("a signal", () => {
  /** Answers of a system call, call by call: errnos of refusals, or what it returns. */
  function interrupted(name: "sendto" | "recvfrom", then: number) {
    vi.spyOn(libc(), "errno").mockReturnValue(4);
    return vi.spyOn(libc().functions, name).mockReturnValueOnce(-1).mockReturnValueOnce(then);
  }

  test("does not keep sendDatagram() from sending", () => {
    const send = interrupted("sendto", 32);
    sendDatagram(7, getLo);
    expect(send.mock.calls).toHaveLength(2);
  });

  test("does not keep receiveDatagram() from receiving", () => {
    const take = interrupted("recvfrom", 3);
    expect(receive(7, 100, 1000)).toHaveLength(3);
    expect(take.mock.calls).toHaveLength(2);
  });

  test("does not make receiveDatagram() wait less than it was told", () => {
    let now = 0;
    vi.spyOn(performance, "now").mockImplementation(() => now);
    vi.spyOn(libc().functions, "recvfrom").mockReturnValue(-1);
    vi.spyOn(libc(), "errno").mockReturnValue(11);
    const poll = vi.spyOn(libc().functions, "poll").mockImplementation(() => {
      now += 30;
      return 0;
    });
    expect(receive(7, 100, 100)).toBeUndefined();
    expect(poll.mock.calls.map(([, , timeout]) => timeout)).toEqual([100, 70, 40, 10]);
  });
});

test("receiveDatagram() takes a datagram that fills the buffer, and tells its sender", () => {
  const fd = open();
  sendDatagram(fd, getLo);
  const length = receive(fd, 65_536, 1000)?.length ?? 0;
  sendDatagram(fd, getLo);
  const sender = new Uint8Array(12).fill(0xff);
  const into = { buffer: new Uint8Array(length), sender, deadline: performance.now() + 1000 };
  expect(receiveDatagram(fd, into)).toHaveLength(length);
  expect(sender).toEqual(Uint8Array.of(AF.NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
});
