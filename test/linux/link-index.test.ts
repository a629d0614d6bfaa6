import fs from "node:fs";
import { afterEach, expect, test } from "vitest";
import { LinuxError } from "../../src/linux/errno.ts";
import { hasLinkIndex } from "../../src/linux/link-index.ts";
import { AF, openSocket, SOCK } from "../../src/linux/socket.ts";

let socket = -1;
afterEach(() => {
  if (socket !== -1) fs.closeSync(socket);
  socket = -1;
});

test("hasLinkIndex() knows lo, by a socket of rtnetlink, and no link of an index that none has", () => {
  socket = openSocket(AF.NETLINK, SOCK.RAW, 0);

  expect(hasLinkIndex(socket, 1)).toBe(true);
  expect(hasLinkIndex(socket, 0x7fffffff)).toBe(false);
});

test("hasLinkIndex() throws where there is no telling", () => {
  expect(() => hasLinkIndex(-1, 1)).toThrow(new LinuxError("look for link 1", { syscall: "ioctl", errno: 9 }));
});
