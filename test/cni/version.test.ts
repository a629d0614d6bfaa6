import { describe, expect, test } from "vitest";
import { compareVersions, isSpecVersion, parseVersion } from "../../src/cni/version.ts";

describe("parseVersion", () => {
  test.each([
    ["", [0, 1, 0]],
    ["1", [1, 0, 0]],
    ["1.2", [1, 2, 0]],
    ["0.3.1", [0, 3, 1]],
    ["+1.02.3", [1, 2, 3]],
  ])("reads %j as Go's library does", (text, parts) => expect(parseVersion(text)).toEqual(parts));

  test.each(["x", "1.", ".1", "1..2", "1.2.3.4", "1.0.0-rc1", " 1.0", "1.0x", "0x1"])("refuses %j", (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});

describe("compareVersions", () => {
  test("orders by number, not by text", () => {
    const sorted = ["", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "0.10.0", "1.0.0", "1.1", "1.1.1"];
    expect([...sorted].reverse().sort(compareVersions)).toEqual(sorted);
    expect(compareVersions("1.1", "1.1.0")).toBe(0);
  });

  test("refuses what is no version", () => {
    expect(() => compareVersions("1.0.0", "x")).toThrow(new RangeError('Cannot compare version "1.0.0" with "x"'));
  });
});

describe("isSpecVersion", () => {
  test("compares text alone", () => {
    expect(["1.1.0", "1.1", "", "0.3.2"].map(isSpecVersion)).toEqual([true, false, false, false]);
  });
});
