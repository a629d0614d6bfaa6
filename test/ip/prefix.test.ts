import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress, offsetAddress, parseAddress } from "../../src/ip/address.ts";
import {
  broadcastAddress,
  defaultGateway,
  excludesGateway,
  formatPrefix,
  isSamePrefix,
  isSingle,
  lastAddress,
  network,
  networkAddress,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  single,
} from "../../src/ip/prefix.ts";

const anyPrefix = fc.oneof(
  fc
    .tuple(fc.bigInt(0n, 2n ** 32n - 1n), fc.nat(32))
    .map(([value, length]): Prefix => ({ address: { family: 4, value }, length })),
  fc
    .tuple(fc.bigInt(2n ** 64n, 2n ** 128n - 1n), fc.nat(128))
    .map(([value, length]): Prefix => ({ address: { family: 6, value }, length })),
);

function read(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`no prefix: ${text}`);
  return prefix;
}

describe("parsePrefix", () => {
  test.each([
    ["10.1.2.5/24", "10.1.2.5/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.0.0.0/024", "10.0.0.0/24"],
    ["2001:DB8::/64", "2001:db8::/64"],
    ["::/128", "::/128"],
    ["::ffff:10.1.2.3/120", "10.1.2.3/24"],
  ])("reads %s as Go does", (text, canonical) => {
    expect(formatPrefix(read(text))).toBe(canonical);
  });

  test.each(["", "10.1.2.3", "10.1.2.3/", "/24", "10.1.2.3/33", "::/129", "10.1.2.3/-1", "10.1.2.3/+8"])(
    "refuses %j as Go does",
    (text) => expect(parsePrefix(text)).toBeUndefined(),
  );

  test.each([
    "10.1.2.3/255.255.255.0",
    "10.1.2.3/24/8",
    "10.1.2.3/ 24",
    "10.1.2.3/1e1",
    "10.1.2.3/0x18",
    "10.1.2.3/99999999999",
    "fe80::1%eth0/64",
  ])("refuses %j as Go does", (text) => expect(parsePrefix(text)).toBeUndefined());

  test("refuses an IPv4-mapped prefix that reaches beyond the IPv4 addresses", () => {
    expect(parsePrefix("::ffff:10.1.2.3/95")).toBeUndefined();
    expect(read("::ffff:10.1.2.3/96")).toEqual(read("10.1.2.3/0"));
  });

  test("reads back what formatPrefix wrote", () => {
    fc.assert(fc.property(anyPrefix, (prefix) => void expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix)));
  });
});

describe("broadcastAddress", () => {
  test.each([
    ["10.1.2.5/24", "10.1.2.255"],
    ["10.1.2.5/30", "10.1.2.7"],
    ["10.1.2.5/31", undefined],
    ["10.1.2.5/32", undefined],
    ["fd00::5/64", undefined],
    ["fd00::5/16", undefined],
  ])("is the address of all hosts, where there is one: %s", (text, expected) => {
    const address = broadcastAddress(read(text));
    expect(address && formatAddress(address)).toBe(expected);
  });
});

describe("networkAddress, lastAddress", () => {
  test.each([
    ["10.1.2.5/24", "10.1.2.0", "10.1.2.255"],
    ["10.1.2.5/32", "10.1.2.5", "10.1.2.5"],
    ["10.1.2.5/31", "10.1.2.4", "10.1.2.5"],
    ["10.1.2.5/0", "0.0.0.0", "255.255.255.255"],
    ["fd00::5/64", "fd00::", "fd00::ffff:ffff:ffff:ffff"],
    ["fd00::5/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ])("%s begins at %s and ends at %s", (text, first, last) => {
    expect(formatAddress(networkAddress(read(text)))).toBe(first);
    expect(formatAddress(lastAddress(read(text)))).toBe(last);
  });
});

describe("network", () => {
  test("clears the host bits", () => {
    expect(formatPrefix(network(read("10.1.2.5/20")))).toBe("10.1.0.0/20");
  });

  test("is the same the second time", () => {
    fc.assert(fc.property(anyPrefix, (prefix) => void expect(network(network(prefix))).toEqual(network(prefix))));
  });
});

describe("prefixContains", () => {
  test("holds its first and last address and not their neighbours", () => {
    fc.assert(
      fc.property(anyPrefix, (prefix) => {
        fc.pre(prefix.length > 0);
        const [first, last] = [networkAddress(prefix), lastAddress(prefix)];
        expect(prefixContains(prefix, first) && prefixContains(prefix, last)).toBe(true);
        const isEnd = first.value === 0n || last.value + 1n === 1n << (first.family === 4 ? 32n : 128n);
        if (!isEnd) expect(prefixContains(prefix, offsetAddress(first, -1n))).toBe(false);
        if (!isEnd) expect(prefixContains(prefix, offsetAddress(last, 1n))).toBe(false);
      }),
    );
  });

  test("holds no address of the other family", () => {
    expect(prefixContains(read("::/0"), { family: 4, value: 1n })).toBe(false);
    expect(prefixContains(read("0.0.0.0/0"), parseAddress("::1") ?? { family: 6, value: 1n })).toBe(false);
  });
});

describe("isSamePrefix", () => {
  test.each([
    ["10.1.2.5/24", "10.1.2.5/24", true],
    ["10.1.2.5/24", "10.1.2.5/25", false],
    ["10.1.2.5/24", "10.1.2.6/24", false],
    ["::/0", "0.0.0.0/0", false],
  ])("%s and %s: %j", (a, b, expected) => {
    expect(isSamePrefix(read(a), read(b))).toBe(expected);
  });
});

test.each([
  ["10.1.2.5/32", true],
  ["10.1.2.5/31", false],
  ["fd00::1/128", true],
  ["fd00::1/32", false],
])("isSingle(%s): %j", (text, expected) => expect(isSingle(read(text))).toBe(expected));

describe("single", () => {
  test.each([
    ["10.1.2.5/24", "10.1.2.5/32"],
    ["fd00::5/64", "fd00::5/128"],
  ])("makes the address of %s %s", (text, expected) => {
    expect(formatPrefix(single(read(text).address))).toBe(expected);
  });
});

describe("prefixesOverlap", () => {
  test.each([
    ["10.1.2.0/24", "10.1.2.128/25", true],
    ["10.1.2.5/24", "10.1.0.0/16", true],
    ["10.1.2.0/24", "10.1.2.5/24", true],
    ["10.1.2.0/24", "10.1.3.0/24", false],
    ["0.0.0.0/0", "::/0", false],
  ])("%s and %s: %s, whichever comes first", (a, b, expected) => {
    expect([prefixesOverlap(read(a), read(b)), prefixesOverlap(read(b), read(a))]).toEqual([expected, expected]);
  });
});

describe("defaultGateway", () => {
  test.each([
    ["10.1.2.128/24", "10.1.2.1"],
    ["10.1.2.4/31", "10.1.2.5"],
    ["10.1.2.5/32", undefined],
    ["fd00::5/64", "fd00::1"],
    ["fd00::5/128", undefined],
  ])("of %s is %s", (text, expected) => {
    const gateway = defaultGateway(read(text));
    expect(gateway && formatAddress(gateway)).toBe(expected);
  });
});

describe("excludesGateway", () => {
  test.each([
    ["10.1.2.0/24", "10.1.2.254", false],
    ["10.1.2.0/24", "10.1.3.1", true],
    ["10.1.2.0/24", "fd00::1", true],
    ["10.1.2.5/32", "10.1.3.1", false],
  ])("%s and %s: %s", (text, gateway, expected) => {
    expect(excludesGateway(read(text), read(`${gateway}/0`).address)).toBe(expected);
  });
});
