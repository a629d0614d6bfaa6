import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { waitForFlock } from "../../src/steps/flock.ts";
import { withBridges } from "../../src/steps/host-lock.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "flock-"));
  file = path.join(folder, "lock");
  fs.writeFileSync(file, "");
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

describe("waitForFlock()", () => {
  test("L1: has the lock of a file until the file is closed, and nobody else has", () => {
    const [first, second] = [fs.openSync(file, "r"), fs.openSync(file, "r")];
    expect(waitForFlock(first, 0)).toBe(true);
    expect(waitForFlock(second, 0)).toBe(false);
    fs.closeSync(first);
    expect(waitForFlock(second, 0)).toBe(true);
    fs.closeSync(second);
  });

  test("gives a shared lock to several, and no exclusive one beside them", () => {
    const [first, second, third] = [fs.openSync(file, "r"), fs.openSync(file, "r"), fs.openSync(file, "r")];
    expect(waitForFlock(first, 0, "shared")).toBe(true);
    expect(waitForFlock(second, 0, "shared")).toBe(true);
    expect(waitForFlock(third, 0)).toBe(false);
    for (const fd of [first, second]) fs.closeSync(fd);
    expect(waitForFlock(third, 0)).toBe(true);
    fs.closeSync(third);
  });

  test("waits for as long as it is told", () => {
    const [first, second] = [fs.openSync(file, "r"), fs.openSync(file, "r")];
    waitForFlock(first, 0);
    const started = performance.now();
    expect(waitForFlock(second, 60)).toBe(false);
    expect(performance.now() - started).toBeGreaterThanOrEqual(60);
    for (const fd of [first, second]) fs.closeSync(fd);
  });
});

describe("withBridges()", () => {
  test("lets go of the lock whatever becomes of the work, and hands on what it returns or throws", () => {
    expect(withBridges("withdrawn", () => "done")).toBe("done");
    const fail = () => {
      throw new Error("no");
    };
    expect(() => withBridges("withdrawn", fail)).toThrow("no");
    expect(withBridges("used", () => withBridges("used", () => "both"))).toBe("both");
  });
});
