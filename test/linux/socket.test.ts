import fs from "node:fs";
import { afterEach, expect, test } from "vitest";
import { AF, openSocket, receiveDatagram, SOCK, sendDatagram, setSocketOption } from "../../src/linux/socket.ts";
import { LinuxError } from "../../src/platform/errno.ts";

const opened: number[] = [];

function open(): number {
  const fd = openSocket(AF.NETLINK, SOCK.RAW, 0);
  opened.push(fd);
  return fd;
}

afterEach(() => {
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
