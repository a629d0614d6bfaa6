import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decode, readFile, readText } from "../../src/linux/bounded-file.ts";

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
