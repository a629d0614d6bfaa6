import fs from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { readBoot } from "../../src/linux/boot-id.ts";

afterEach(() => void vi.restoreAllMocks());

test("readBoot() has the first 8 characters of the kernel's ID of this boot", () => {
  expect(readBoot()).toBe(fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").split("-")[0]);
});

test('readBoot() is "" where there is none', () => {
  vi.spyOn(fs, "readFileSync").mockImplementation(() => {
    throw new Error("ENOENT");
  });
  expect(readBoot()).toBe("");
});
