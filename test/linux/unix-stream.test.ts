import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { connectUnix, encodeUnixAddress, write } from "../../src/linux/unix-stream.ts";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { libc } from "../../src/platform/libc.ts";

// Another process, for calls of ours wait: it sends back what it gets, and closes at "end".

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "unix-stream-"));
const socket = path.join(folder, "socket");
const SERVER = `
  require("node:net").createServer((peer) => {
    peer.on("data", (data) => (String(data) === "end" ? peer.end() : peer.write(data)));
    peer.on("error", () => {});
  }).listen(process.argv[1], () => console.log("ready"));
`;
let server: ChildProcess;

beforeAll(async () => {
  server = spawn(process.execPath, ["-e", SERVER, socket], { stdio: ["ignore", "pipe", "inherit"] });
  if (server.stdout !== null) await once(server.stdout, "data");
});

afterAll(() => {
  server?.kill();
  fs.rmSync(folder, { recursive: true, force: true });
});

afterEach(() => void vi.restoreAllMocks());

const bytes = (text: string) => new TextEncoder().encode(text);
const soon = (milliseconds = 10_000) => performance.now() + milliseconds;

test("connectUnix() writes, and reads what the other end writes", () => {
  const stream = connectUnix(socket);
  stream.write(bytes("hello"));
  expect(new TextDecoder().decode(stream.read(soon()))).toBe("hello");
  stream.close();
});

test("read() refuses with ETIMEDOUT where nothing comes until the deadline", () => {
  const stream = connectUnix(socket);
  expect(() => stream.read(soon(20))).toThrow(
    new LinuxError("receive from a socket", { syscall: "poll", errno: ERRNO.ETIMEDOUT }),
  );
  stream.close();
});

test("read() refuses with EPIPE at the stream's end", () => {
  const stream = connectUnix(socket);
  stream.write(bytes("end"));
  expect(() => stream.read(soon())).toThrow(expect.objectContaining({ errno: ERRNO.EPIPE }));
  stream.close();
});

test("write() refuses with EAGAIN where the other end takes nothing any more", () => {
  const listener = connectUnix(socket);
  server.kill("SIGSTOP");
  expect(() => {
    for (;;) listener.write(new Uint8Array(1 << 16));
  }).toThrow(expect.objectContaining({ errno: ERRNO.EAGAIN }));
  server.kill("SIGCONT");
  listener.close();
});

test.each([
  ["a path where nothing is", path.join(folder, "nothing"), ERRNO.ENOENT],
  ["an abstract name that nobody has", "\0cni-nobody", ERRNO.ECONNREFUSED],
  ["a path that is too long", `/${"a".repeat(200)}`, ERRNO.ENAMETOOLONG],
])("connectUnix() refuses %s", (_, address, errno) => {
  expect(() => connectUnix(address)).toThrow(expect.objectContaining({ errno }));
});

test("connectUnix() names an abstract socket as ss(8) does", () => {
  expect(() => connectUnix("\0cni-nobody")).toThrow(
    new LinuxError("connect to @cni-nobody", { syscall: "connect", errno: ERRNO.ECONNREFUSED }),
  );
});

test("connectUnix() waits for no server that it is told not to wait for", () => {
  const before = fs.readdirSync("/proc/self/fd").length;
  const open = vi.spyOn(libc().functions, "socket");
  for (const stream of [connectUnix(socket), connectUnix(socket, { atOnce: true })]) stream.close();
  // SOCK_STREAM and SOCK_CLOEXEC, and SOCK_NONBLOCK
  expect(open.mock.calls.map(([, type]) => type)).toEqual([0o2000001, 0o2004001]);
  expect(fs.readdirSync("/proc/self/fd").length).toBe(before);
});

test("encodeUnixAddress() takes a path of 108 bytes, and no more", () => {
  expect(encodeUnixAddress("a".repeat(108))).toHaveLength(110);
  expect(() => encodeUnixAddress(`${"é".repeat(54)}a`)).toThrow(
    new LinuxError(`connect to ${"é".repeat(54)}a`, { syscall: "connect", errno: ERRNO.ENAMETOOLONG }),
  );
});

test("a signal keeps nobody from writing or reading all", () => {
  const { functions } = libc();
  vi.spyOn(libc(), "errno").mockReturnValue(ERRNO.EINTR);
  const send = vi.spyOn(functions, "sendto").mockReturnValueOnce(-1).mockReturnValueOnce(2).mockReturnValueOnce(3);
  write(7, bytes("hello"));
  expect(send.mock.calls.map(([, rest]) => rest && new TextDecoder().decode(rest))).toEqual(["hello", "hello", "llo"]);
  const stream = connectUnix(socket);
  vi.spyOn(functions, "recvfrom").mockReturnValueOnce(-1).mockReturnValueOnce(2);
  expect(stream.read(soon())).toHaveLength(2);
  stream.close();
});

test("write() and read() throw the kernel's refusals", () => {
  const stream = connectUnix(socket);
  vi.spyOn(libc().functions, "recvfrom").mockReturnValue(-1);
  vi.spyOn(libc(), "errno").mockReturnValue(ERRNO.ENOMEM);
  expect(() => stream.read(soon())).toThrow(
    new LinuxError("receive from a socket", { syscall: "recvfrom", errno: ERRNO.ENOMEM }),
  );
  vi.restoreAllMocks();
  expect(() => write(-1, bytes("x"))).toThrow(
    new LinuxError("send to a socket", { syscall: "sendto", errno: ERRNO.EBADF }),
  );
  stream.close();
});
