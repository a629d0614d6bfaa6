import fs from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { askInterface, hasInterfaceIndex, SIOCGIFINDEX } from "../../src/linux/ifreq.ts";
import { AF, openSocket, SOCK } from "../../src/linux/socket.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";

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

test("askInterface() asks about an interface by its name, and has what the kernel answers or its errno", () => {
  socket = openSocket(AF.NETLINK, SOCK.RAW, 0);

  const { errno, data } = askInterface(socket, SIOCGIFINDEX, "lo");
  expect([errno, data.length, new DataView(data.buffer, data.byteOffset).getInt32(0, true)]).toEqual([0, 24, 1]);
  expect(askInterface(-1, SIOCGIFINDEX, "lo").errno).toBe(9);
});

test("askInterface() cuts a name so that it ends with a NUL", () => {
  const ask = vi.spyOn(libc().functions, "ioctl").mockReturnValue(0);
  askInterface(7, SIOCGIFINDEX, "x".repeat(20));
  const [, , struct] = ask.mock.calls[0] ?? [];
  expect(Buffer.from(struct instanceof Uint8Array ? struct.slice(0, 17) : []).toString()).toBe(`${"x".repeat(15)}\0\0`);
  vi.restoreAllMocks();
});
