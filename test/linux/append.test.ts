import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { appendLine } from "../../src/linux/append.ts";
import { LinuxError } from "../../src/platform/errno.ts";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "append-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

const open = () => fs.readdirSync("/proc/self/fd").length;

test("appendLine() makes a file for its owner alone, and adds lines to one that is there", () => {
  const file = path.join(folder, "file");
  const before = open();
  appendLine(file, "é=1");
  appendLine(file, "two");
  expect(fs.readFileSync(file, "utf8")).toBe("é=1\ntwo\n");
  expect([fs.statSync(file).mode & 0o777, open()]).toEqual([0o600, before]);
});

test("appendLine() does not wait for a reader of a pipe", () => {
  const pipe = path.join(folder, "pipe");
  spawnSync("mkfifo", [pipe]);
  expect(() => appendLine(pipe, "x")).toThrow("ENXIO");
});

test("appendLine() writes into no pipe with a reader, and closes it", () => {
  const pipe = path.join(folder, "pipe");
  spawnSync("mkfifo", [pipe]);
  const reader = fs.openSync(pipe, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const before = open();
  expect(() => appendLine(pipe, "x")).toThrow(
    new LinuxError(`append to "${pipe}"`, { syscall: "stat", errno: 22, reason: "it is no regular file" }),
  );
  expect([fs.readSync(reader, Buffer.alloc(8)), open()]).toEqual([0, before]);
  fs.closeSync(reader);
});
