import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { acceptUnix, listenUnix } from "../../src/linux/unix-listener.ts";
import { connectUnix } from "../../src/linux/unix-stream.ts";
import { LinuxError } from "../../src/platform/errno.ts";
import { libcServer } from "../../src/platform/libc.ts";

let folder: string;
let socket: string;
let before: number;
const opened: number[] = [];

const open = () => fs.readdirSync("/proc/self/fd").length;

beforeEach(() => {
  before = open();
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "unix-listener-"));
  socket = path.join(folder, "socket");
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const fd of opened.splice(0)) fs.closeSync(fd);
  fs.rmSync(folder, { recursive: true });
});

function listen(): number {
  const fd = listenUnix(socket);
  opened.push(fd);
  return fd;
}

function accept(fd: number): number | undefined {
  const accepted = acceptUnix(fd);
  if (accepted !== undefined) opened.push(accepted);
  return accepted;
}

const flags = (fd: number) =>
  Number.parseInt(/flags:\s*(\d+)/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "", 8);

test("acceptUnix() returns each connection once, and never waits for one", () => {
  const fd = listen();
  expect(accept(fd)).toBeUndefined();
  const stream = connectUnix(socket);
  const accepted = accept(fd);
  stream.write(Buffer.from("hello"));
  const bytes = Buffer.alloc(5);
  expect(fs.readSync(accepted ?? -1, bytes)).toBe(5);
  expect(bytes.toString()).toBe("hello");
  expect(accept(fd)).toBeUndefined();
  stream.close();
});

test("no read of a connection waits, and no child process inherits it", () => {
  const fd = listen();
  const stream = connectUnix(socket);
  // O_NONBLOCK and O_CLOEXEC
  expect(flags(accept(fd) ?? -1) & 0o2004000).toBe(0o2004000);
  expect(flags(fd) & 0o2004000).toBe(0o2004000);
  stream.close();
});

test("listenUnix() replaces the socket of a process that was killed", () => {
  fs.closeSync(listenUnix(socket));
  const fd = listen();
  connectUnix(socket).close();
  expect(accept(fd)).toBeDefined();
});

test("listenUnix() leaves the socket to a process that serves it", () => {
  const fd = listen();
  expect(() => listenUnix(socket)).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  // The question whether somebody serves it was a connection.
  accept(fd);
  const stream = connectUnix(socket);
  expect(accept(fd)).toBeDefined();
  stream.close();
});

test("listenUnix() deletes no file that is no socket", () => {
  fs.writeFileSync(socket, "");
  expect(() => listenUnix(socket)).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
  expect(fs.statSync(socket).isFile()).toBe(true);
});

test("listenUnix() and acceptUnix() throw the kernel's refusals, and leave nothing open", () => {
  vi.spyOn(libcServer().functions, "listen").mockReturnValue(-1);
  vi.spyOn(libcServer(), "errno").mockReturnValue(12);
  expect(() => listenUnix(socket)).toThrow(new LinuxError(`listen on "${socket}"`, { syscall: "listen", errno: 12 }));
  expect(open()).toBe(before);
  expect(() => acceptUnix(-1)).toThrow(new LinuxError("accept a connection", { syscall: "accept4", errno: 12 }));
});

test("acceptUnix() takes a signal for no connection", () => {
  vi.spyOn(libcServer().functions, "accept4").mockReturnValue(-1);
  vi.spyOn(libcServer(), "errno").mockReturnValue(4);
  expect(acceptUnix(-1)).toBeUndefined();
});
