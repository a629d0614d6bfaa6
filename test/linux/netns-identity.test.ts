import fs from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openOwnNetns } from "../../src/linux/netns.ts";
import { identifyNetns } from "../../src/linux/netns-identity.ts";
import { AF, openSocket, SOCK } from "../../src/linux/socket.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";

let netns: number;
let socket: number;
let before: number;

const open = () => fs.readdirSync("/proc/self/fd").length;

beforeEach(() => {
  [netns, socket] = [openOwnNetns(), openSocket(AF.UNIX, SOCK.DGRAM, 0)];
  before = open();
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const fd of [netns, socket]) fs.closeSync(fd);
});

/** Has getsockopt(2) refuse with this errno, or answer 4097, a u64, if it is 0. */
function cookie(errno: number) {
  const ask = vi.spyOn(libc().functions, "getsockopt").mockImplementation((_fd, _level, _name, value) => {
    value?.set([1, 0x10, 0, 0, 0, 0, 0, 0]);
    return errno === 0 ? 0 : -1;
  });
  vi.spyOn(libc(), "errno").mockReturnValue(errno);
  return ask;
}

test("identifyNetns() has the inode and the cookie that the kernel tells by a socket", () => {
  const ask = cookie(0);
  expect(identifyNetns(netns, socket)).toBe(`${fs.fstatSync(netns).ino}:4097`);
  // SO_NETNS_COOKIE of SOL_SOCKET
  expect(ask.mock.calls.map(([fd, level, name]) => [fd, level, name])).toEqual([[socket, 1, 71]]);
});

test("identifyNetns() enters the namespace where there is no socket of it, and leaves nothing open", () => {
  const enter = vi.spyOn(libc().functions, "setns").mockReturnValue(0);
  cookie(0);
  expect(identifyNetns(netns)).toBe(`${fs.fstatSync(netns).ino}:4097`);
  expect(enter.mock.calls[0]?.[0]).toBe(netns);
  expect([enter.mock.calls.length, open()]).toEqual([2, before]);
});

test("identifyNetns() has the inode alone before Linux 5.14, which knows no cookies", () => {
  cookie(92);
  expect(identifyNetns(netns, socket)).toBe(`${fs.fstatSync(netns).ino}`);
});

test("identifyNetns() throws any other refusal", () => {
  cookie(12);
  expect(() => identifyNetns(netns, socket)).toThrow(
    new LinuxError("ask for the namespace's cookie", { syscall: "getsockopt", errno: 12 }),
  );
});
