import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Address,
  compareAddresses,
  decodeAddress,
  encodeAddress,
  formatAddress,
  isLinkLocal,
  isLoopback,
  isSameAddress,
  isUnspecified,
  offsetAddress,
  parseAddress,
} from "../../src/ip/address.ts";

const ipv4 = fc.bigInt(0n, 2n ** 32n - 1n).map((value): Address => ({ family: 4, value }));
const ipv6 = fc
  .bigInt(0n, 2n ** 128n - 1n)
  .filter((value) => value >> 32n !== 0xffffn)
  .map((value): Address => ({ family: 6, value }));
const anyAddress = fc.oneof(ipv4, ipv6);

function read(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address;
}

describe("parseAddress", () => {
  // Text on the left, net.ParseIP(text).String() of Go 1.26 on the right.
  test.each([
    ["10.1.2.3", "10.1.2.3"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:0:0:0:5", "2001:db8::5"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:0:0:2:3:0:0:4", "1::2:3:0:0:4"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::ffff:a01:203", "10.1.2.3"],
  ])("reads %s as Go does", (text, canonical) => {
    expect(formatAddress(read(text))).toBe(canonical);
  });

  test.each([
    "",
    " 10.1.2.3",
    "10.1.2",
    "10.1.2.3.4",
    "10.1.2.256",
    "010.1.2.3",
    "10.1.2.03",
    "10.1.2.-3",
    "10.1.2.3/24",
    "0x0a.1.2.3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7::8",
    "1::2::3",
    ":::",
    "12345::",
    "::g",
    "fe80::1%eth0",
    "[::1]",
    "::ffff:10.1.2.03",
    "10.1.2.３",
  ])("refuses %j as Go does", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test("makes an IPv4-mapped address an IPv4 address", () => {
    expect(parseAddress("::ffff:10.1.2.3")).toEqual({ family: 4, value: 0x0a010203n });
  });

  test("reads back what formatAddress wrote", () => {
    fc.assert(fc.property(anyAddress, (address) => void expect(parseAddress(formatAddress(address))).toEqual(address)));
  });
});

describe("formatAddress", () => {
  test("tells an IPv6 address that came as IPv4-mapped bytes from an IPv4 address", () => {
    expect(formatAddress({ family: 6, value: 0xffff_0a01_0203n })).toBe("::ffff:10.1.2.3");
  });
});

describe("encodeAddress", () => {
  test("writes network byte order", () => {
    expect([...encodeAddress(read("10.1.2.3"))]).toEqual([10, 1, 2, 3]);
    expect([...encodeAddress(read("fd00::1:2"))]).toEqual([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2]);
  });
});

describe("decodeAddress", () => {
  test("reads back what encodeAddress wrote", () => {
    fc.assert(
      fc.property(anyAddress, (address) => void expect(decodeAddress(encodeAddress(address))).toEqual(address)),
    );
  });

  test("reads a part of a larger buffer", () => {
    expect(decodeAddress(Uint8Array.of(9, 9, 10, 1, 2, 3, 9).subarray(2, 6))).toEqual(read("10.1.2.3"));
  });

  test.each([0, 3, 5, 15, 17])("refuses %i bytes", (length) => {
    expect(() => decodeAddress(new Uint8Array(length))).toThrow(
      new RangeError(`Cannot decode an address of ${length} bytes: must be 4 or 16`),
    );
  });
});

describe("compareAddresses", () => {
  test("orders IPv4 before IPv6, then by value", () => {
    const sorted = ["10.0.0.9", "10.0.0.10", "10.0.1.0", "::", "::1", "fd00::"].map(read);
    expect([...sorted].reverse().sort(compareAddresses)).toEqual(sorted);
  });

  test("is zero for the same address alone", () => {
    fc.assert(
      fc.property(anyAddress, anyAddress, (a, b) => {
        expect(compareAddresses(a, b) === 0).toBe(isSameAddress(a, b));
        expect(Math.sign(compareAddresses(a, b)) + Math.sign(compareAddresses(b, a))).toBe(0);
      }),
    );
  });
});

describe("offsetAddress", () => {
  test.each([
    ["192.168.0.255", 1n, "192.168.1.0"],
    ["192.168.1.0", -1n, "192.168.0.255"],
    ["10.255.255.255", 1n, "11.0.0.0"],
    ["ab12::ffff", 1n, "ab12::1:0"],
    ["ab12::1:0", -1n, "ab12::ffff"],
    ["::ffff:ffff:ffff:ffff", 1n, "0:0:0:1::"],
  ])("carries: %s moved by %i is %s", (from, by, to) => {
    expect(formatAddress(offsetAddress(read(from), by))).toBe(formatAddress(read(to)));
  });

  test("comes back the same way", () => {
    fc.assert(
      fc.property(ipv4, fc.bigInt(0n, 1000n), (address, by) => {
        fc.pre(address.value >= by);
        expect(offsetAddress(offsetAddress(address, -by), by)).toEqual(address);
      }),
    );
  });

  test("refuses to leave the family at either end", () => {
    expect(() => offsetAddress(read("255.255.255.255"), 1n)).toThrow(
      new RangeError("Cannot move 255.255.255.255 by 1: no such IPv4 address"),
    );
    expect(() => offsetAddress(read("::"), -1n)).toThrow(new RangeError("Cannot move :: by -1: no such IPv6 address"));
  });
});

test.each([
  ["0.0.0.0", true],
  ["::", true],
  ["0.0.0.1", false],
  ["::1", false],
])("isUnspecified() of %s is %s", (text, expected) => {
  expect(isUnspecified(read(text))).toBe(expected);
});

describe("isLinkLocal, isLoopback", () => {
  test.each([
    ["223.255.255.255", ""],
    ["224.0.0.1", ""],
    ["239.255.255.255", ""],
    ["240.0.0.0", ""],
    ["169.254.0.1", "link-local"],
    ["169.255.0.0", ""],
    ["126.255.255.255", ""],
    ["127.9.9.9", "loopback"],
    ["ff02::1", ""],
    ["fe80::1", "link-local"],
    ["febf::1", "link-local"],
    ["fec0::1", ""],
    ["::1", "loopback"],
    ["::2", ""],
  ])("%s is %j", (text, kind) => {
    const address = read(text);
    expect([isLinkLocal(address), isLoopback(address)]).toEqual([kind === "link-local", kind === "loopback"]);
  });
});
