import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ByteLock, tryBytes } from "../../src/linux/byte-lock.ts";
import { libcRareFiles } from "../../src/platform/libc.ts";

let folder: string;
let holder: number;
let other: number;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "byte-lock-"));
  const file = path.join(folder, "file");
  [holder, other] = [fs.openSync(file, "w+"), fs.openSync(file, "r+")];
});

afterEach(() => {
  vi.restoreAllMocks();
  for (const fd of [holder, other]) fs.closeSync(fd);
  fs.rmSync(folder, { recursive: true });
});

const lock = (kind: ByteLock["kind"], start: number, length = 10): ByteLock => ({ kind, start, length });

test.each([
  ["shared", "shared", "taken"],
  ["shared", "exclusive", "busy"],
  ["exclusive", "shared", "busy"],
  ["exclusive", "exclusive", "busy"],
] as const)("tryBytes(): of bytes with a lock that is %s, one that is %s is %s", (held, wanted, answer) => {
  expect(tryBytes(holder, lock(held, 0))).toBe("taken");
  expect(tryBytes(other, lock(wanted, 0))).toBe(answer);
});

test("tryBytes() locks those bytes and no others", () => {
  tryBytes(holder, lock("exclusive", 100));
  const answers = [90, 91, 109, 110].map((start) => tryBytes(other, lock("exclusive", start)));
  expect(answers).toEqual(["taken", "busy", "busy", "taken"]);
});

test.each([
  [11, "busy"],
  [13, "busy"],
  [22, "none"],
])("tryBytes() takes errno %i for %s: there are two for a lock of others. fcntl(2)", (errno, answer) => {
  vi.spyOn(libcRareFiles().functions, "fcntl").mockReturnValue(-1);
  vi.spyOn(libcRareFiles(), "errno").mockReturnValue(errno);
  expect(tryBytes(holder, lock("shared", 0))).toBe(answer);
});
