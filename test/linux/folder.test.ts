import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
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

  it("throws where a file is in the way", () => {
    fs.writeFileSync(path.join(folder, "a"), "");
    expect(() => makeFolders(path.join(folder, "a/b"), 0o700)).toThrow("ENOTDIR");
  });
});
