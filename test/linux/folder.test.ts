import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeFolders } from "../../src/linux/folder.ts";

let folder: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "folder-"));
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

describe("makeFolders()", () => {
  it("makes what is missing, and says which is the first of it", () => {
    const deep = path.join(folder, "a/b/c");
    expect(makeFolders(deep, 0o700)).toBe(path.join(folder, "a"));
    expect(fs.statSync(deep).mode & 0o777).toBe(0o700);
    expect(makeFolders(deep, 0o700)).toBeUndefined();
  });

  it("takes a folder that another process makes meanwhile, and throws where it is gone again", () => {
    const deep = path.join(folder, "a/b");
    const { mkdirSync } = fs;
    const failure = Object.assign(new Error("is there"), { errno: -17 });
    const make = vi.spyOn(fs, "mkdirSync").mockImplementationOnce((which, options) => {
      mkdirSync(which, options);
      throw failure;
    });
    expect(makeFolders(deep, 0o700)).toBe(path.join(folder, "a"));
    expect(fs.statSync(deep).isDirectory()).toBe(true);
    make.mockImplementationOnce(() => {
      throw failure;
    });
    expect(() => makeFolders(path.join(folder, "x"), 0o700)).toThrow(failure);
    make.mockImplementationOnce((which, options) => {
      mkdirSync(which, options);
      throw Object.assign(new Error("refused"), { errno: -13 });
    });
    expect(() => makeFolders(path.join(folder, "y"), 0o700)).toThrow("refused");
    vi.restoreAllMocks();
  });

  it("throws where a file is in the way", () => {
    fs.writeFileSync(path.join(folder, "a"), "");
    expect(() => makeFolders(path.join(folder, "a/b"), 0o700)).toThrow("ENOTDIR");
  });
});
