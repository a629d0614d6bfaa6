import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { replaceFile } from "../../src/linux/replace-file.ts";

let folder: string;
let file: string;
let draft: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "replace-file-"));
  [file, draft] = [path.join(folder, "file"), path.join(folder, ".file.new")];
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(folder, { recursive: true, force: true });
});

const replace = (text: string) => replaceFile(file, { draft, text, mode: 0o600 });

test("replaceFile() makes a file with its mode, and replaces it", () => {
  replace("one");
  replace("two");
  expect([fs.readFileSync(file, "utf8"), fs.statSync(file).mode & 0o777]).toEqual(["two", 0o600]);
  expect(fs.readdirSync(folder)).toEqual(["file"]);
});

test("replaceFile() replaces a draft that was left behind, and does not follow a link in its place", () => {
  const other = path.join(folder, "other");
  fs.writeFileSync(other, "other's");
  fs.symlinkSync(other, draft);
  replace("one");
  expect([fs.readFileSync(file, "utf8"), fs.readFileSync(other, "utf8")]).toEqual(["one", "other's"]);
});

test.each(["writeFileSync", "renameSync"] as const)("replaceFile() leaves the old file alone if %s fails", (name) => {
  replace("one");
  const real = fs[name];
  vi.spyOn(fs, name).mockImplementation((...args: unknown[]) => {
    if (name === "writeFileSync") Reflect.apply(real, fs, [args[0], "tw", args[2]]);
    throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
  });
  expect(() => replace("two")).toThrow("ENOSPC");
  expect([fs.readdirSync(folder), fs.readFileSync(file, "utf8")]).toEqual([["file"], "one"]);
});

test("replaceFile() has the disk keep what must survive a crash before it has its name, and nothing else", () => {
  const order: string[] = [];
  const { renameSync, fsyncSync } = fs;
  vi.spyOn(fs, "fsyncSync").mockImplementation((fd) => {
    order.push(`fsync ${path.basename(fs.readlinkSync(`/proc/self/fd/${fd}`))}`);
    fsyncSync(fd);
  });
  vi.spyOn(fs, "renameSync").mockImplementation((from, to) => {
    order.push("rename");
    renameSync(from, to);
  });
  const before = fs.readdirSync("/proc/self/fd").length;
  replace("one");
  replaceFile(file, { draft, text: "two", mode: 0o600, isDurable: true });
  expect(order).toEqual(["rename", "fsync .file.new", "rename"]);
  expect(fs.readdirSync("/proc/self/fd").length).toBe(before);
});

test("replaceFile() writes into no draft that another makes meanwhile", () => {
  const { rmSync } = fs;
  vi.spyOn(fs, "rmSync").mockImplementationOnce((which, options) => {
    rmSync(which, options);
    fs.writeFileSync(draft, "other's");
  });
  expect(() => replace("one")).toThrow("EEXIST");
});

test("replaceFile() throws the first error where the draft cannot be deleted either", () => {
  vi.spyOn(fs, "renameSync").mockImplementation(() => {
    throw new Error("the first");
  });
  const { rmSync } = fs;
  vi.spyOn(fs, "rmSync")
    .mockImplementationOnce(rmSync)
    .mockImplementation(() => {
      throw new Error("the second");
    });
  expect(() => replace("one")).toThrow("the first");
});
