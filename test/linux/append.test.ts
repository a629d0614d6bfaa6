import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { appendLine } from "../../src/linux/append.ts";
import { ERRNO } from "../../src/platform/errno.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "append-"));
  file = path.join(folder, "file");
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true });
});

test("appendLine() makes a file for its owner alone, and keeps what is in it", () => {
  appendLine(file, "one");
  appendLine(file, "zwölf");
  expect([fs.readFileSync(file, "utf8"), fs.statSync(file).mode & 0o777]).toEqual(["one\nzwölf\n", 0o600]);
});

test("appendLine() keeps the mode of a file that is there", () => {
  fs.writeFileSync(file, "one\n");
  fs.chmodSync(file, 0o640);
  appendLine(file, "two");
  expect([fs.readFileSync(file, "utf8"), fs.statSync(file).mode & 0o777]).toEqual(["one\ntwo\n", 0o640]);
});

test("appendLine() writes a line at once, at the end that the file has by then", () => {
  const real = fs.writeSync;
  const write = vi.spyOn(fs, "writeSync").mockImplementation((...args: unknown[]) => {
    fs.appendFileSync(file, "another's\n");
    return Reflect.apply(real, fs, args);
  });
  appendLine(file, "x".repeat(100_000));
  expect(write).toHaveBeenCalledTimes(1);
  expect(fs.readFileSync(file, "utf8")).toBe(`another's\n${"x".repeat(100_000)}\n`);
});

test("appendLine() waits for no reader of a pipe", () => {
  spawnSync("mkfifo", [file]);
  expect(() => appendLine(file, "one")).toThrow(expect.objectContaining({ code: "ENXIO" }));
});

test("appendLine() writes to no pipe that is read, to no device and to no folder", () => {
  spawnSync("mkfifo", [file]);
  const reader = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    for (const path of [file, "/dev/null"])
      expect(() => appendLine(path, "one")).toThrow(
        expect.objectContaining({ errno: ERRNO.EINVAL, message: `Cannot append to "${path}": it is no regular file` }),
      );
    expect(fs.readSync(reader, new Uint8Array(1))).toBe(0);
  } finally {
    fs.closeSync(reader);
  }
  expect(() => appendLine(folder, "one")).toThrow(expect.objectContaining({ code: "EISDIR" }));
});

test("appendLine() says what node:fs says of a folder that is missing", () => {
  expect(() => appendLine(path.join(folder, "none/file"), "one")).toThrow(expect.objectContaining({ code: "ENOENT" }));
});

test.each(["writeSync", "statSync"] as const)("appendLine() closes the file if %s fails", (name) => {
  const [open, close] = [vi.spyOn(fs, "openSync"), vi.spyOn(fs, "closeSync")];
  vi.spyOn(fs, name).mockImplementation(() => {
    throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
  });
  expect(() => appendLine(file, "one")).toThrow("ENOSPC");
  expect(close.mock.calls).toEqual(open.mock.results.map(({ value }) => [value]));
});
