import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { tryFlock, wasFlockHeld } from "../../src/linux/flock.ts";

let folder: string;
let holder: number;
let other: number;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "flock-"));
  [holder, other] = [fs.openSync(folder, "r"), fs.openSync(folder, "r")];
});

afterEach(() => {
  for (const fd of [holder, other]) fs.closeSync(fd);
  fs.rmSync(folder, { recursive: true });
});

test.each([
  ["shared", "shared", true],
  ["shared", "exclusive", false],
  ["exclusive", "shared", false],
  [undefined, undefined, false],
] as const)("tryFlock(): beside a lock that is %s, one that is %s is taken: %s", (held, wanted, isTaken) => {
  expect(tryFlock(holder, held)).toBe(true);
  expect(tryFlock(other, wanted)).toBe(isTaken);
  if (!isTaken) expect(wasFlockHeld()).toBe(true);
});

test("wasFlockHeld() knows another lock from a file that cannot be locked", () => {
  expect(tryFlock(-1)).toBe(false);
  expect(wasFlockHeld()).toBe(false);
});
