import fs from "node:fs";
import { afterEach, expect, test } from "vitest";
import { hasInterfaceIndex } from "../../src/linux/ifreq.ts";
import { AF, openSocket, SOCK } from "../../src/linux/socket.ts";
import { LinuxError } from "../../src/platform/errno.ts";

let socket = -1;
afterEach(() => {
  if (socket !== -1) fs.closeSync(socket);
  socket = -1;
});

test("hasInterfaceIndex() knows lo, by a socket of rtnetlink, and no link of an index that none has", () => {
  socket = openSocket(AF.NETLINK, SOCK.RAW, 0);

  expect(hasInterfaceIndex(socket, 1)).toBe(true);
  expect(hasInterfaceIndex(socket, 0x7fffffff)).toBe(false);
});

test("hasInterfaceIndex() throws where there is no telling", () => {
  expect(() => hasInterfaceIndex(-1, 1)).toThrow(
    new LinuxError("look for interface 1", { syscall: "ioctl", errno: 9 }),
  );
});
