import { spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decode, readFile, readShort, readText } from "../../src/linux/bounded-file.ts";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "bounded-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

function file(text: string): string {
  const name = path.join(folder, "file");
  fs.writeFileSync(name, text);
  return name;
}

describe("readFile()", () => {
  it.each([0, 1, 4095, 4096, 4097, 100_000])("returns all of %i bytes", (length) => {
    expect(decode(readFile(file("x".repeat(length))))).toBe("x".repeat(length));
  });

  it("takes as many bytes as it may, and no more", () => {
    expect(readFile(file("x".repeat(10)), 10)).toHaveLength(10);
    expect(() => readFile(file("x".repeat(11)), 10)).toThrow("it holds more than 10 bytes");
    expect(() => readFile("/dev/zero")).toThrow(expect.objectContaining({ code: "EFBIG" }));
  });

  it("refuses a pipe without opening it", () => {
    const pipe = path.join(folder, "pipe");
    spawnSync("mkfifo", [pipe]);
    expect(() => readFile(pipe)).toThrow(`Cannot read "${pipe}": it is no regular file`);
    expect(readText(pipe)).toBe("");
  });

  it("says what node:fs says of a file that is not there, and of a folder", () => {
    expect(() => readFile(path.join(folder, "none"))).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(() => readFile(folder)).toThrow(expect.objectContaining({ code: "EISDIR" }));
  });
});

const open = () => fs.readdirSync("/proc/self/fd").length;

describe("readText()", () => {
  it("keeps a byte order mark, and takes no more than 16 MiB", () => {
    expect(readText(file("\uFEFFé"))).toBe("\uFEFFé");
    expect(() => readText("/dev/zero")).toThrow('Cannot read "/dev/zero": it holds more than 16777216 bytes');
  });

  it("leaves nothing open", () => {
    const before = open();
    readText(file("x"));
    expect(() => readText("/dev/zero")).toThrow();
    expect(open()).toBe(before);
  });
});

describe("readShort()", () => {
  it("has a text that fits into the buffer, and leaves nothing open", () => {
    const before = open();
    const buffer = new Uint8Array(4);
    expect([readShort(file("abc"), buffer), readShort(file(""), buffer)]).toEqual(["abc", ""]);
    expect(open()).toBe(before);
  });

  it("is undefined where it does not fit, or cannot be read", () => {
    const buffer = new Uint8Array(4);
    expect([readShort(file("abcd"), buffer), readShort(file("abcde"), buffer)]).toEqual([undefined, undefined]);
    expect([readShort(folder, buffer), readShort(path.join(folder, "none"), buffer)]).toEqual([undefined, undefined]);
  });

  it("does not wait for a writer of a pipe", () => {
    const pipe = path.join(folder, "pipe");
    spawnSync("mkfifo", [pipe]);
    expect(readShort(pipe, new Uint8Array(4))).toBe("");
  });
});

it("readFile() refuses a socket as well", async () => {
  const socket = path.join(folder, "socket");
  const server = net.createServer().listen(socket);
  await once(server, "listening");
  const refusal = { code: "EINVAL", message: `Cannot read "${socket}": it is no regular file` };
  expect(() => readFile(socket)).toThrow(expect.objectContaining(refusal));
  server.close();
});
