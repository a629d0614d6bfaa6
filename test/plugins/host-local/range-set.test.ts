import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkDisjoint,
  completeRange,
  completeRangeSet,
  countExcluded,
  findObstacle,
  findPlace,
  findRange,
  formatRangeSet,
  type RangeFields,
  type RangeSet,
} from "../../../plugins/host-local/range-set.ts";
import { CniError } from "../../../src/cni/error.ts";
import { type Address, formatAddress, offsetAddress, parseAddress } from "../../../src/ip/address.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { formatRange } from "../../../src/ip/range.ts";
import { succeeds } from "../../../src/platform/outcome.ts";
import { refusal } from "./refusal.ts";

function ip(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`No address: ${text}`);
  return address;
}

/** A range from texts: subnet, start, end, gateway. */
function fields(subnet: string, rest: { start?: string; end?: string; gateway?: string } = {}): RangeFields {
  return {
    subnet,
    ...(rest.start === undefined ? {} : { rangeStart: ip(rest.start) }),
    ...(rest.end === undefined ? {} : { rangeEnd: ip(rest.end) }),
    ...(rest.gateway === undefined ? {} : { gateway: ip(rest.gateway) }),
  };
}

function complete(...args: Parameters<typeof fields>): Record<string, string> {
  const { subnet, start, end, gateway } = completeRange(fields(...args));
  return {
    subnet: formatPrefix(subnet),
    start: formatAddress(start),
    end: formatAddress(end),
    gateway: gateway === undefined ? "none" : formatAddress(gateway),
  };
}

describe("completeRange()", () => {
  test.each([
    [
      "R1: fills in a /24",
      "192.0.2.0/24",
      { subnet: "192.0.2.0/24", start: "192.0.2.1", end: "192.0.2.254", gateway: "192.0.2.1" },
    ],
    [
      "R2: fills in a /25",
      "192.0.2.0/25",
      { subnet: "192.0.2.0/25", start: "192.0.2.1", end: "192.0.2.126", gateway: "192.0.2.1" },
    ],
    [
      "R7: fills in an IPv6 /64, whose last address it keeps",
      "2001:DB8:1::/64",
      {
        subnet: "2001:db8:1::/64",
        start: "2001:db8:1::1",
        end: "2001:db8:1:0:ffff:ffff:ffff:ffff",
        gateway: "2001:db8:1::1",
      },
    ],
  ])("%s", (_title, subnet, expected) => {
    expect(complete(subnet)).toEqual(expected);
  });

  test("R10: keeps what is given", () => {
    const range = complete("192.0.2.0/24", { start: "192.0.2.40", end: "192.0.2.50", gateway: "192.0.2.254" });
    expect(range).toEqual({
      subnet: "192.0.2.0/24",
      start: "192.0.2.40",
      end: "192.0.2.50",
      gateway: "192.0.2.254",
    });
  });

  test("takes a gateway outside the subnet", () => {
    expect(complete("192.0.2.0/24", { gateway: "10.0.0.1" })).toMatchObject({ gateway: "10.0.0.1" });
  });

  test("takes the network and the broadcast address where they are asked for", () => {
    const range = complete("192.0.2.0/24", { start: "192.0.2.0", end: "192.0.2.255" });
    expect(range).toMatchObject({ start: "192.0.2.0", end: "192.0.2.255" });
  });

  const hostBits = "Network has host bits set. For a subnet mask of length";
  test.each<[string, RangeFields, string]>([
    ["R3: IPv4 host bits", fields("192.0.2.12/24"), `${hostBits} 24 the network address is 192.0.2.0`],
    [
      "R4: IPv6 host bits",
      fields("2001:DB8:1::24:19ff:fee1:c44a/64"),
      `${hostBits} 64 the network address is 2001:db8:1::`,
    ],
    [
      "R5: the 64th bit of an IPv6 /63",
      fields("2001:DB8:24:19ff::/63"),
      `${hostBits} 63 the network address is 2001:db8:24:19fe::`,
    ],
    [
      "R6: the 24th bit of an IPv4 /23",
      fields("192.168.127.0/23"),
      `${hostBits} 23 the network address is 192.168.126.0`,
    ],
    ["no subnet", {}, "IP <nil> not v4 nor v6"],
    [
      "an excluded address outside",
      { ...fields("10.1.0.0/24"), exclude: ["10.1.1.7"] },
      'Cannot use exclude "10.1.1.7": must be an address or prefix in 10.1.0.0/24',
    ],
    [
      "an excluded prefix of another family",
      { ...fields("10.1.0.0/24"), exclude: ["2001:db8::/64"] },
      'Cannot use exclude "2001:db8::/64": must be an address or prefix in 10.1.0.0/24',
    ],
    [
      "an excluded word",
      { ...fields("10.1.0.0/24"), exclude: ["10.1.0.3-10.1.0.5"] },
      'Cannot use exclude "10.1.0.3-10.1.0.5": must be an address or prefix in 10.1.0.0/24',
    ],
    ["an IPv4-mapped subnet", fields("::ffff:10.0.0.0/120"), "IPNet IP and Mask version mismatch"],
    [
      "R9: a start outside",
      fields("192.0.2.0/24", { start: "192.0.3.0" }),
      "RangeStart 192.0.3.0 not in network 192.0.2.0/24",
    ],
    [
      "R9: an end outside",
      fields("192.0.2.0/24", { end: "192.0.4.0" }),
      "RangeEnd 192.0.4.0 not in network 192.0.2.0/24",
    ],
    [
      "R9: a start after the end",
      fields("192.0.2.0/24", { start: "192.0.2.50", end: "192.0.2.40" }),
      "RangeStart 192.0.2.50 not in network 192.0.2.0/24",
    ],
    [
      "an end before the first address",
      fields("192.0.2.0/24", { end: "192.0.2.0" }),
      "RangeEnd 192.0.2.0 not in network 192.0.2.0/24",
    ],
    [
      "a start of another family",
      fields("192.0.2.0/24", { start: "2001:db8::1" }),
      "RangeStart 2001:db8::1 not in network 192.0.2.0/24",
    ],
    [
      "an end of another family",
      fields("2001:db8::/64", { start: "2001:db8::2", end: "192.0.2.5" }),
      "RangeEnd 192.0.2.5 not in network 2001:db8::/64",
    ],
  ])("refuses %s", (_title, range, message) => {
    expect(refusal(() => completeRange(range))).toEqual({ code: 7, message });
  });
});

describe("completeRange() of a small subnet", () => {
  test.each([
    ["R8 (the reference refuses it): a /31", "192.0.2.0/31", "192.0.2.0-192.0.2.1", "192.0.2.1"],
    ["a /32", "192.0.2.7/32", "192.0.2.7-192.0.2.7", undefined],
    ["a /127", "2001:db8::/127", "2001:db8::-2001:db8::1", "2001:db8::1"],
    ["a /128", "2001:db8::/128", "2001:db8::-2001:db8::", undefined],
  ])("uses all of %s", (_title, subnet, addresses, gateway) => {
    const range = completeRange({ subnet });
    expect(formatRangeSet([range])).toBe(addresses);
    expect(range.gateway && formatAddress(range.gateway)).toBe(gateway);
  });
});

describe("completeRange() with exclude", () => {
  const excluded = (...exclude: string[]) =>
    completeRange({ subnet: "10.1.0.0/24", exclude }).excluded.map(formatRange);

  test.each([
    ["an address", ["10.1.0.7"], ["10.1.0.7-10.1.0.7"]],
    ["a prefix, host bits aside", ["10.1.0.70/26"], ["10.1.0.64-10.1.0.127"]],
    ["as much of a prefix as is in the subnet", ["10.0.0.0/8"], ["10.1.0.0-10.1.0.255"]],
    [
      "what overlaps together, and in order",
      ["10.1.0.200", "10.1.0.64/26", "10.1.0.100", "10.1.0.96/27"],
      ["10.1.0.64-10.1.0.127", "10.1.0.200-10.1.0.200"],
    ],
  ])("keeps back %s", (_title, exclude, expected) => {
    expect(excluded(...exclude)).toEqual(expected);
  });

  test("countExcluded() counts what the ranges lose", () => {
    const set = completeRangeSet([
      { ...fields("10.1.0.0/24", { start: "10.1.0.10", end: "10.1.0.19" }), exclude: ["10.1.0.0/28", "10.1.0.200"] },
      { subnet: "10.2.0.0/16", exclude: ["10.2.128.0/17", "10.2.130.5"] },
    ]);
    expect(countExcluded(set)).toBe(6n + 32_767n);
  });
});

describe("findObstacle()", () => {
  const range = completeRange({
    ...fields("10.1.0.0/24", { start: "10.1.0.10", end: "10.1.0.19" }),
    exclude: ["10.1.0.12", "10.1.0.96/27"],
  });

  test.each([
    ["10.1.0.10", undefined],
    ["10.1.0.5", undefined],
    ["10.1.0.1", "is subnet's gateway"],
    ["10.1.0.12", "is excluded"],
    ["10.1.0.100", "is excluded"],
    ["10.1.0.0", "is subnet's own address"],
    ["10.1.0.255", "is subnet's broadcast address"],
  ])("tells why %s can be nobody's: %s", (text, expected) => {
    expect(findObstacle(range, ip(text))).toBe(expected);
  });

  test("lets a range have the subnet's first and last address where it names them", () => {
    const whole = completeRange(fields("10.1.0.0/29", { start: "10.1.0.0", end: "10.1.0.7" }));
    expect([findObstacle(whole, ip("10.1.0.0")), findObstacle(whole, ip("10.1.0.7"))]).toEqual([undefined, undefined]);
  });
});

describe("findPlace()", () => {
  const sets = [
    completeRangeSet([fields("10.1.0.0/24", { start: "10.1.0.10", end: "10.1.0.19" }), fields("10.2.0.0/24")]),
    completeRangeSet([fields("10.1.0.0/24", { start: "10.1.0.20", end: "10.1.0.29" })]),
  ];

  test.each([
    ["10.1.0.15", 0],
    ["10.1.0.25", 1],
    ["10.2.0.9", 0],
    ["10.1.0.99", 0],
    ["10.3.0.1", undefined],
  ])("finds the set of %s: %s", (text, expected) => {
    expect(findPlace(sets, ip(text))).toBe(expected);
  });
});

describe("findRange()", () => {
  const within = { start: "192.0.2.40", end: "192.0.2.50", gateway: "192.0.2.254" };
  const v4 = completeRangeSet([fields("192.0.2.0/24", within)]);
  const v6 = completeRangeSet([fields("2001:db8:1::/64", { start: "2001:db8:1::40", end: "2001:db8:1::50" })]);

  test.each([
    ["R11", v4, "192.0.3.0", false],
    ["R11", v4, "192.0.2.39", false],
    ["R11", v4, "192.0.2.40", true],
    ["R11", v4, "192.0.2.50", true],
    ["R11", v4, "192.0.2.51", false],
    ["R12", v6, "2001:db8:2::", false],
    ["R12", v6, "2001:db8:1::39", false],
    ["R12", v6, "2001:db8:1::40", true],
    ["R12", v6, "2001:db8:1::50", true],
    ["R12", v6, "2001:db8:1::51", false],
  ])("%s: has both ends (%#: %s %s)", (_title, set, text, isIn) => {
    expect(findRange(set, ip(text)) !== undefined).toBe(isIn);
  });

  test("S1: finds the range that holds the address", () => {
    const set = completeRangeSet([fields("192.168.0.0/24"), fields("172.16.1.0/24")]);
    expect(findRange(set, ip("192.168.0.55"))).toBe(set[0]);
    expect(findRange(set, ip("172.16.1.55"))).toBe(set[1]);
    expect(findRange(set, ip("192.168.99.99"))).toBeUndefined();
    expect(formatRangeSet(set)).toBe("192.168.0.1-192.168.0.254,172.16.1.1-172.16.1.254");
  });
});

function areApart(...sets: readonly RangeSet[]): boolean {
  return succeeds([CniError], () => checkDisjoint(sets));
}

describe("completeRangeSet()", () => {
  test("S2, C9: refuses ranges that overlap", () => {
    const act = () => completeRangeSet([fields("192.168.0.0/20"), fields("192.168.2.0/24")]);
    expect(refusal(act)).toEqual({
      code: 7,
      message: "subnets 192.168.0.1-192.168.15.254 and 192.168.2.1-192.168.2.254 overlap",
    });
  });

  test("refuses a set without ranges", () => {
    expect(refusal(() => completeRangeSet([]))).toEqual({ code: 7, message: "empty range set" });
  });

  test("C10: refuses ranges of both families", () => {
    const act = () => completeRangeSet([fields("10.1.0.0/22"), fields("2001:db8:5::/64")]);
    expect(refusal(act)).toEqual({ code: 7, message: "mixed address families" });
  });

  test("takes one subnet twice where start and end keep the ranges apart", () => {
    const set = completeRangeSet([
      fields("10.0.0.0/24", { end: "10.0.0.127" }),
      fields("10.0.0.0/24", { start: "10.0.0.128" }),
    ]);
    expect(formatRangeSet(set)).toBe("10.0.0.1-10.0.0.127,10.0.0.128-10.0.0.254");
  });
});

describe("checkDisjoint()", () => {
  test.each<[string, RangeFields, RangeFields, boolean]>([
    ["disjoint", fields("10.0.0.0/24"), fields("10.0.1.0/24"), false],
    ["the same bits in two families", fields("0.0.0.0/24"), fields("::/24"), false],
    ["identical", fields("10.0.0.0/24"), fields("10.0.0.0/24"), true],
    ["containing", fields("10.0.0.0/20"), fields("10.0.1.0/24"), true],
    [
      "parts of one subnet",
      fields("10.0.0.0/24", { end: "10.0.0.127" }),
      fields("10.0.0.0/24", { start: "10.0.0.128" }),
      false,
    ],
    [
      "one address in common",
      fields("10.0.0.0/24", { end: "10.0.0.127" }),
      fields("10.0.0.0/24", { start: "10.0.0.127" }),
      true,
    ],
    ["S3: a subnet of the other", fields("192.168.0.0/20"), fields("192.168.2.0/24"), true],
  ])("R13: says the same both ways (%s)", (_title, first, second, expected) => {
    const a = completeRangeSet([first]);
    const b = completeRangeSet([second]);
    expect([areApart(a, b), areApart(b, a)]).toEqual([!expected, !expected]);
  });
});

test("C8: checkDisjoint() names the two sets that overlap", () => {
  const sets = [
    completeRangeSet([fields("10.9.0.0/24")]),
    completeRangeSet([fields("10.1.2.0/24"), fields("10.2.2.0/24")]),
    completeRangeSet([fields("10.1.4.0/24"), fields("10.1.2.0/24")]),
  ];
  expect(refusal(() => checkDisjoint(sets))).toEqual({ code: 7, message: "range set 1 overlaps with 2" });
  expect(() => checkDisjoint(sets.slice(0, 2))).not.toThrow();
});

describe("properties", () => {
  const FAMILIES = [
    { base: "10.0.0.0", bits: 32 },
    { base: "2001:db8::", bits: 128 },
  ] as const;

  /** A subnet of 4 to 256 addresses, and where in it the range begins and ends: the numbers of its addresses. */
  const subnets = fc
    .record({
      family: fc.constantFrom(...FAMILIES),
      size: fc.integer({ min: 2, max: 8 }),
      number: fc.nat(3),
      ends: fc.tuple(fc.nat(255), fc.nat(255)),
    })
    .map(({ family, size, number, ends }) => {
      const length = 2 ** size;
      const [first, last] = ends.map((end) => end % length).sort((a, b) => a - b);
      return {
        ...family,
        length,
        network: number * length,
        prefix: family.bits - size,
        first: first ?? 0,
        last: last ?? 0,
      };
    });
  type Subnet = typeof subnets extends fc.Arbitrary<infer T> ? T : never;

  const at = ({ base, network }: Subnet, host: number) => offsetAddress(ip(base), BigInt(network + host));
  const textOf = (subnet: Subnet) => `${formatAddress(at(subnet, 0))}/${subnet.prefix}`;

  test("completeRange() leaves out the network's own address, for IPv4 the last one, and nothing else", () => {
    fc.assert(
      fc.property(subnets, (subnet) => {
        const { start, end, gateway } = completeRange({ subnet: textOf(subnet) });
        expect(start).toEqual(at(subnet, 1));
        expect(end).toEqual(at(subnet, subnet.length - (subnet.bits === 32 ? 2 : 1)));
        expect(gateway).toEqual(at(subnet, 1));
      }),
    );
  });

  test("findRange() finds what lies between start and end, and checkDisjoint() whether two have one of these in common", () => {
    const numbersOf = ({ network, first, last }: Subnet) =>
      Array.from({ length: last - first + 1 }, (_, index) => network + first + index);
    const setOf = (subnet: Subnet) =>
      completeRangeSet([
        { subnet: textOf(subnet), rangeStart: at(subnet, subnet.first), rangeEnd: at(subnet, subnet.last) },
      ]);
    fc.assert(
      fc.property(subnets, subnets, fc.nat(1023), (a, b, number) => {
        const [one, other] = [setOf(a), setOf(b)];
        expect(findRange(one, offsetAddress(ip(a.base), BigInt(number))) !== undefined).toBe(
          numbersOf(a).includes(number),
        );
        const common = a.base === b.base && numbersOf(a).some((each) => numbersOf(b).includes(each));
        expect([areApart(one, other), areApart(other, one)]).toEqual([!common, !common]);
      }),
    );
  });
});
