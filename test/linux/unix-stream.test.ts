import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectUnix } from "../../src/linux/unix-stream.ts";
import { ERRNO } from "../../src/platform/errno.ts";

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
  expect(() => stream.read(soon(20))).toThrow(expect.objectContaining({ errno: ERRNO.ETIMEDOUT }));
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
