import { describe, expect, test } from "vitest";
import { type Address, parseAddress } from "../../src/ip/address.ts";
import { findOverlap, formatRange, type Range, rangeContains, rangesOverlap, sizeOfRange } from "../../src/ip/range.ts";

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

describe("findOverlap", () => {
  const apart = [range("10.3.0.0", "10.3.0.255"), range("::", "ffff::"), range("10.1.0.0", "10.2.255.255")];

  test.each([
    ["none among ranges that are apart, in any order", [], undefined],
    ["a range within another", [range("10.1.9.0", "10.1.9.1")], [2, 3]],
    ["ranges with one common address", [range("10.2.255.255", "10.2.255.255")], [2, 3]],
    ["a range around another", [range("10.2.255.0", "10.3.1.0")], [2, 3]],
    ["of IPv6, too", [range("fd00::", "fd00::")], [1, 3]],
  ])("finds %s", (_, more, expected) => {
    const all = [...apart, ...more];
    expect(findOverlap(all)).toEqual(expected?.map((index) => all[index]));
  });

  test("compares neighbors only", () => {
    let reads = 0;
    const count = 2000;
    const many = Array.from({ length: count }, (_, index) => {
      const { start, end } = range(`10.${index >> 8}.${index & 255}.0`, `10.${index >> 8}.${index & 255}.255`);
      return {
        get start() {
          reads += 1;
          return start;
        },
        end,
      };
    });
    expect(findOverlap(many)).toBeUndefined();
    expect(reads).toBeLessThan(2 * count * Math.log2(count));
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
