import { describe, expect, test } from "vitest";
import { type Address, parseAddress } from "../../src/ip/address.ts";
import { formatRange, type Range, rangeContains, rangesOverlap, sizeOfRange } from "../../src/ip/range.ts";

function read(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address;
}

function range(start: string, end: string): Range {
  return { start: read(start), end: read(end) };
}

describe("rangeContains", () => {
  test.each([
    ["10.1.0.1", false],
    ["10.1.0.2", true],
    ["10.1.0.9", true],
    ["10.1.0.10", false],
    ["::10.1.0.5", false],
  ])("10.1.0.2-10.1.0.9 holds %s: %s", (text, held) => {
    expect(rangeContains(range("10.1.0.2", "10.1.0.9"), read(text))).toBe(held);
  });
});

describe("rangesOverlap", () => {
  test.each([
    ["10.1.0.9", "10.1.0.20", true],
    ["10.1.0.10", "10.1.0.20", false],
    ["10.1.0.0", "10.1.0.2", true],
    ["10.1.0.0", "10.1.0.1", false],
    ["10.1.0.4", "10.1.0.4", true],
    ["10.0.0.0", "10.2.0.0", true],
    ["::", "ffff::", false],
  ])("10.1.0.2-10.1.0.9 and %s-%s: %s, whichever comes first", (start, end, overlap) => {
    const [a, b] = [range("10.1.0.2", "10.1.0.9"), range(start, end)];
    expect([rangesOverlap(a, b), rangesOverlap(b, a)]).toEqual([overlap, overlap]);
  });
});

describe("formatRange", () => {
  test("writes both ends in canonical form", () => {
    expect(formatRange(range("FD00::0:2", "fd00::ff"))).toBe("fd00::2-fd00::ff");
  });
});

describe("sizeOfRange", () => {
  test("counts both ends", () => {
    expect(sizeOfRange(range("10.1.0.2", "10.1.0.2"))).toBe(1n);
    expect(sizeOfRange(range("10.1.0.0", "10.1.255.255"))).toBe(65536n);
    expect(sizeOfRange(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))).toBe(2n ** 128n);
  });
});
