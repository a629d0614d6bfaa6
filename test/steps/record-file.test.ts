import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ERRNO } from "../../src/platform/errno.ts";
import { fitFileName, removeFile } from "../../src/steps/record-file.ts";

test.each([
  ["a.json", "a.json"],
  [`${"é".repeat(125)}.json`, `${"é".repeat(125)}.json`],
  [`${"a".repeat(251)}.json`, expect.stringMatching(/^[0-9a-f]{64}\.json$/)],
])("fitFileName() keeps a name of at most 255 bytes: %s", (name, fitting) => {
  expect(fitFileName(name)).toEqual(fitting);
});

describe("removeFile()", () => {
  let folder: string;

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "record-"));
    fs.writeFileSync(path.join(folder, "there"), "");
  });

  afterEach(() => {
    vi.restoreAllMocks();
    fs.rmSync(folder, { recursive: true });
  });

  test.each(["there", "missing", "there/below", "n".repeat(256)])("leaves no file %s", (name) => {
    removeFile(path.join(folder, name));
    expect(fs.readdirSync(folder)).toEqual(name === "there" ? [] : ["there"]);
  });

  test("fails on a read-only file system only for a file that is there", () => {
    vi.spyOn(fs, "unlinkSync").mockImplementation(() => {
      throw Object.assign(new Error("EROFS"), { errno: -ERRNO.EROFS });
    });
    expect(() => removeFile(path.join(folder, "missing"))).not.toThrow();
    expect(() => removeFile(path.join(folder, "there"))).toThrow("EROFS");
  });
});
