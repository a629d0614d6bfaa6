import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allocateAddress, assignRequested, candidates, type LeaseBook } from "../../../plugins/host-local/allocator.ts";
import { completeRange, completeRangeSet, findRange, type RangeSet } from "../../../plugins/host-local/range-set.ts";
import { type Address, formatAddress, isSameAddress, offsetAddress, parseAddress } from "../../../src/ip/address.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { sizeOfRange } from "../../../src/ip/range.ts";
import { refusal } from "./refusal.ts";

function ip(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`No address: ${text}`);
  return address;
}

function setOf(...subnets: string[]): RangeSet {
  return completeRangeSet(subnets.map((subnet) => ({ subnet })));
}

/** A network's leases in memory. */
class Book implements LeaseBook {
  readonly leases = new Map<string, string>();
  readonly lasts = new Map<number, Address>();
  owner = "ID";

  constructor(taken: readonly string[] = [], last?: string) {
    for (const text of taken) this.leases.set(text, "id");
    if (last !== undefined) this.lasts.set(0, ip(last));
  }

  get held(): Address[] {
    return [...this.leases].filter(([, owner]) => owner === this.owner).map(([text]) => ip(text));
  }

  last = (setIndex: number): Address | undefined => this.lasts.get(setIndex);

  reserve = (address: Address, setIndex: number): boolean => {
    if (this.leases.has(formatAddress(address))) return false;
    this.leases.set(formatAddress(address), this.owner);
    this.lasts.set(setIndex, address);
    return true;
  };

  release(owner: string): void {
    for (const [text, holder] of this.leases) if (holder === owner) this.leases.delete(text);
  }

  /** Allocates for the owner; returns the prefix's text. */
  allocate(set: RangeSet, owner = "ID", requested?: string): string {
    this.owner = owner;
    const demand = { set, setIndex: 0, requested: requested === undefined ? undefined : ip(requested) };
    return formatPrefix(allocateAddress(this, { ...demand, containerId: owner }).address);
  }
}

function order(set: RangeSet, last?: string): string[] {
  return Array.from(candidates(set, last === undefined ? undefined : ip(last)), ({ address }) =>
    formatAddress(address),
  );
}

describe("candidates()", () => {
  const set = setOf("192.168.1.0/29");
  const range = (start: string, end: string, subnet: string) =>
    completeRange({ subnet, rangeStart: ip(start), rangeEnd: ip(end) });
  const two = [
    range("192.168.1.0", "192.168.1.3", "192.168.1.0/30"),
    range("192.168.2.0", "192.168.2.3", "192.168.2.0/30"),
  ];

  test("A1: begins at the first address", () => {
    expect(order(set)).toEqual(["192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.5", "192.168.1.6"]);
  });

  test("A2: begins at the first address after the last", () => {
    const all = ["192.168.1.2", "192.168.1.3", "192.168.1.4", "192.168.1.5", "192.168.1.6"];
    expect(order(set, "192.168.1.6")).toEqual(all);
  });

  test("A3: goes on after the last reserved address, and ends with it", () => {
    const all = ["192.168.1.4", "192.168.1.5", "192.168.1.6", "192.168.1.2", "192.168.1.3"];
    expect(order(set, "192.168.1.3")).toEqual(all);
  });

  test("A12: after the end of one range comes the start of the next", () => {
    const all = ["192.168.2.0", "192.168.2.2", "192.168.2.3", "192.168.1.0", "192.168.1.2", "192.168.1.3"];
    expect(order(two, "192.168.1.3")).toEqual(all);
  });

  test("A13: without a last address the first range's start comes first", () => {
    expect(order(two)[0]).toBe("192.168.1.0");
  });

  test("ends where a range of one address is all there is", () => {
    expect(order([range("10.0.0.5", "10.0.0.5", "10.0.0.0/24")], "10.0.0.5")).toEqual(["10.0.0.5"]);
  });
});

describe("allocateAddress()", () => {
  test.each<[string, string[], string[], string | undefined, string]>([
    ["a: a fresh /29", ["10.0.0.0/29"], [], undefined, "10.0.0.2/29"],
    ["b: a fresh IPv6 /64", ["2001:db8:1::/64"], [], undefined, "2001:db8:1::2/64"],
    ["c: a fresh /30", ["10.0.0.0/30"], [], undefined, "10.0.0.2/30"],
    ["d: past one that is taken", ["10.0.0.0/29"], ["10.0.0.2"], undefined, "10.0.0.3/29"],
    ["e: after the last", ["10.0.0.0/29"], [], "10.0.0.5", "10.0.0.6/29"],
    ["f: after the last, past those taken", ["10.0.0.0/29"], ["10.0.0.4", "10.0.0.5"], "10.0.0.3", "10.0.0.6/29"],
    ["g: round to the beginning", ["10.0.0.0/29"], ["10.0.0.6"], "10.0.0.5", "10.0.0.2/29"],
    ["h: a last outside the range", ["10.0.0.0/29"], ["10.0.0.2"], "10.0.0.128", "10.0.0.3/29"],
    [
      "i: only the last is free",
      ["10.0.0.0/29"],
      ["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"],
      "10.0.0.3",
      "10.0.0.3/29",
    ],
    ["j: the first of two", ["10.0.0.0/30", "10.0.1.0/30"], [], undefined, "10.0.0.2/30"],
    ["k: on to the second", ["10.0.0.0/30", "10.0.1.0/30"], [], "10.0.0.2", "10.0.1.2/30"],
    ["l: from the third to the first", ["10.0.0.0/30", "10.0.1.0/30", "10.0.2.0/30"], [], "10.0.2.2", "10.0.0.2/30"],
  ])("A4 %s", (_title, subnets, taken, last, expected) => {
    expect(new Book(taken, last).allocate(setOf(...subnets))).toBe(expected);
  });

  test("A5: never gives out the broadcast address", () => {
    const book = new Book();
    const set = setOf("192.168.1.0/29");
    const given = [2, 3, 4, 5, 6].map((n) => book.allocate(set, `ID${n}`));
    expect(given).toEqual([2, 3, 4, 5, 6].map((n) => `192.168.1.${n}/29`));
    expect(refusal(() => book.allocate(set, "ID8"))).toEqual({
      code: 100,
      message: "no IP addresses available in range set: 192.168.1.1-192.168.1.6",
    });
  });

  test("A6: does not give a released address out again at once", () => {
    const book = new Book();
    expect(book.allocate(setOf("192.168.1.0/29"))).toBe("192.168.1.2/29");
    book.release("ID");
    expect(book.allocate(setOf("192.168.1.0/29"))).toBe("192.168.1.3/29");
  });

  test("A7: gives the address asked for", () => {
    expect(new Book().allocate(setOf("192.168.1.0/29"), "ID", "192.168.1.5")).toBe("192.168.1.5/29");
  });

  test("A8: refuses an address that another has", () => {
    const book = new Book(["192.168.1.5"]);
    expect(refusal(() => book.allocate(setOf("192.168.1.0/29"), "ID", "192.168.1.5"))).toEqual({
      code: 101,
      message: "requested IP address 192.168.1.5 is not available in range set 192.168.1.1-192.168.1.6",
    });
  });

  test.each([
    [
      "A9: after the range",
      { subnet: "192.168.1.0/29", rangeEnd: ip("192.168.1.4") },
      "192.168.1.5",
      "192.168.1.1-192.168.1.4",
    ],
    [
      "A10: before the range",
      { subnet: "192.168.1.0/29", rangeStart: ip("192.168.1.3") },
      "192.168.1.2",
      "192.168.1.3-192.168.1.6",
    ],
  ])("refuses an address %s", (_title, fields, requested, ranges) => {
    expect(refusal(() => new Book().allocate([completeRange(fields)], "ID", requested))).toEqual({
      code: 101,
      message: `${requested} not in range set ${ranges}`,
    });
  });

  test("refuses the gateway's address", () => {
    expect(refusal(() => new Book().allocate(setOf("10.8.0.0/24"), "ID", "10.8.0.1"))).toEqual({
      code: 101,
      message: "requested ip 10.8.0.1 is subnet's gateway",
    });
  });

  test.each([
    ["one /30", ["10.0.0.0/30"], ["10.0.0.2"], "10.0.0.1-10.0.0.2"],
    ["a /29", ["10.0.0.0/29"], ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"], "10.0.0.1-10.0.0.6"],
    ["two /30s", ["10.0.0.0/30", "10.0.1.0/30"], ["10.0.0.2", "10.0.1.2"], "10.0.0.1-10.0.0.2,10.0.1.1-10.0.1.2"],
  ])("A11: says that the ranges are full (%s)", (_title, subnets, taken, ranges) => {
    expect(refusal(() => new Book(taken).allocate(setOf(...subnets)))).toEqual({
      code: 100,
      message: `no IP addresses available in range set: ${ranges}`,
    });
  });

  test.each([[undefined], ["10.0.0.4"]])(
    "refuses a second address of the set for one attachment (requested %s)",
    (requested) => {
      const book = new Book();
      book.allocate(setOf("10.0.0.0/29"), "c1");
      expect(refusal(() => book.allocate(setOf("10.0.0.0/29"), "c1", requested))).toEqual({
        code: 102,
        message: "10.0.0.2 has been allocated to c1, duplicate allocation is not allowed",
      });
    },
  );

  test("gives an attachment with a lease in another set an address of this one", () => {
    const book = new Book();
    book.allocate(setOf("10.0.0.0/29"), "c1");
    expect(book.allocate(setOf("10.0.1.0/29"), "c1")).toBe("10.0.1.2/29");
  });
});

describe("assignRequested()", () => {
  const sets = [setOf("10.0.0.0/24", "10.0.1.0/24"), setOf("2001:db8::/64")];

  test("gives each set the first address that lies in it, and the same one only once", () => {
    const requested = ["2001:db8::5", "10.0.1.7", "10.0.1.7"].map(ip);
    expect(assignRequested(sets, requested)).toEqual([ip("10.0.1.7"), ip("2001:db8::5")]);
  });

  test("leaves a set without a wish open", () => {
    expect(assignRequested(sets, [ip("2001:db8::5")])).toEqual([undefined, ip("2001:db8::5")]);
  });

  test("H11: refuses addresses that no set can serve", () => {
    const requested = ["10.0.0.5", "10.0.1.7", "192.0.2.1"].map(ip);
    expect(refusal(() => assignRequested(sets, requested))).toEqual({
      code: 101,
      message: "failed to allocate all requested IPs: 10.0.1.7 192.0.2.1",
    });
  });
});

describe("properties", () => {
  /** One to three ranges of one family, none larger than 30 addresses, apart from each other. */
  const rangeSets = fc
    .record({
      base: fc.constantFrom("10.0.0.0", "255.255.0.0", "2001:db8::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:0"),
      shapes: fc.array(fc.tuple(fc.nat(31), fc.nat(31), fc.nat(31)), { minLength: 1, maxLength: 3 }),
    })
    .map(({ base, shapes }) =>
      shapes.map(([a, b, gateway], index) => {
        const network = offsetAddress(ip(base), BigInt(index * 32));
        return completeRange({
          subnet: `${formatAddress(network)}/${network.family === 4 ? 27 : 123}`,
          rangeStart: offsetAddress(network, BigInt(Math.min(a, b))),
          rangeEnd: offsetAddress(network, BigInt(Math.max(a, b))),
          gateway: offsetAddress(network, BigInt(gateway)),
        });
      }),
    );

  /** Every address of the set but gateways, by the plainest of means. */
  function model(set: RangeSet): string[] {
    return set.flatMap((range) =>
      Array.from({ length: Number(sizeOfRange(range)) }, (_, index) => offsetAddress(range.start, BigInt(index)))
        .filter((address) => !isSameAddress(address, range.gateway))
        .map(formatAddress),
    );
  }

  test("candidates() offers every address but gateways exactly once, whatever came last", () => {
    fc.assert(
      fc.property(rangeSets, fc.nat(127), (set, offset) => {
        const base = set[0]?.subnet.address ?? ip("::");
        const last = { family: base.family, value: base.value + BigInt(offset) };
        const offered = Array.from(candidates(set, last), ({ address }) => formatAddress(address));
        expect([...offered].sort()).toEqual(model(set).sort());
      }),
    );
  });

  test("candidates() rotates one fixed order, so that the last address comes last", () => {
    fc.assert(
      fc.property(rangeSets, fc.nat(), (set, pick) => {
        const all = model(set);
        if (all.length === 0) return;
        const index = pick % all.length;
        expect(order(set, all[index])).toEqual([...all.slice(index + 1), ...all.slice(0, index + 1)]);
      }),
    );
  });

  test("allocateAddress() never gives one address twice nor one outside, and fails exactly when all are taken", () => {
    const steps = fc.array(fc.record({ owner: fc.nat(40), release: fc.boolean() }), { maxLength: 150 });
    fc.assert(
      fc.property(rangeSets, steps, (set, script) => {
        const book = new Book();
        const owned = new Map<string, string>();
        for (const { owner, release } of script) {
          const id = `c${owner}`;
          if (release || owned.has(id)) {
            book.release(id);
            owned.delete(id);
            continue;
          }
          if (owned.size === model(set).length) {
            expect(refusal(() => book.allocate(set, id)).code).toBe(100);
            continue;
          }
          const address = ip(book.allocate(set, id).split("/")[0] ?? "");
          expect([...owned.values()]).not.toContain(formatAddress(address));
          expect(findRange(set, address)).toBeDefined();
          owned.set(id, formatAddress(address));
        }
      }),
    );
  });
});
