import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allocateAddress, assignHeld, assignRequested, type LeaseBook } from "../../../plugins/host-local/allocator.ts";
import { findCandidate } from "../../../plugins/host-local/candidate.ts";
import { completeRange, completeRangeSet, findRange, type RangeSet } from "../../../plugins/host-local/range-set.ts";
import { type Address, formatAddress, isSameAddress, offsetAddress, parseAddress } from "../../../src/ip/address.ts";
import { formatPrefix } from "../../../src/ip/prefix.ts";
import { rangeContains, sizeOfRange } from "../../../src/ip/range.ts";
import { refusal } from "./refusal.ts";

function ip(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`No address: ${text}`);
  return address;
}

function setOf(...subnets: string[]): RangeSet {
  return completeRangeSet(subnets.map((subnet) => ({ subnet })));
}

/** A network's leases in memory. Those of an owner in `dead` can be reclaimed, those of one in `outlived` are from an earlier boot. */
class Book implements LeaseBook {
  readonly leases = new Map<string, string>();
  readonly lasts = new Map<number, Address>();
  readonly dead = new Set<string>();
  readonly outlived = new Set<string>();
  readonly renewed: string[] = [];
  rest: string[] = [];
  owner = "ID";

  constructor(taken: readonly string[] = [], last?: string) {
    for (const text of taken) this.leases.set(text, "id");
    if (last !== undefined) this.lasts.set(0, ip(last));
  }

  get held(): Address[] {
    return [...this.leases].filter(([, owner]) => owner === this.owner).map(([text]) => ip(text));
  }

  last = (setIndex: number): Address | undefined => this.lasts.get(setIndex);

  reserve = (address: Address, setIndex: number | undefined): boolean => {
    if (this.leases.has(formatAddress(address))) return false;
    this.leases.set(formatAddress(address), this.owner);
    if (setIndex !== undefined) this.lasts.set(setIndex, address);
    return true;
  };

  isOutlived = (): boolean => this.outlived.has(this.owner);

  renew = (address: Address, setIndex: number): void => {
    this.renewed.push(formatAddress(address));
    this.outlived.delete(this.owner);
    this.lasts.set(setIndex, address);
  };

  reclaim = (where: RangeSet | Address): boolean => {
    const isMeant = (text: string) =>
      "family" in where ? text === formatAddress(where) : findRange(where, ip(text)) !== undefined;
    const found = [...this.leases].filter(
      ([text, owner]) => isMeant(text) && (this.dead.has(owner) || this.outlived.has(owner)),
    );
    for (const [text] of found) this.leases.delete(text);
    return found.length > 0;
  };

  holderOf = (address: Address): string | undefined => this.leases.get(formatAddress(address));

  resting = (): readonly string[] => this.rest;

  describe = (): string => "as it is";

  release(owner: string): void {
    for (const [text, holder] of this.leases) if (holder === owner) this.leases.delete(text);
  }

  /** Allocates for the owner; returns the prefix's text. */
  allocate(set: RangeSet, owner = "ID", requested?: string): string {
    this.owner = owner;
    const [held] = assignHeld([set], this.held);
    const demand = { set, setIndex: 0, held, requested: requested === undefined ? undefined : ip(requested) };
    return formatPrefix(allocateAddress(this, { ...demand, containerId: owner }).address);
  }
}

function order(set: RangeSet, last?: string): string[] {
  return offered(set, last === undefined ? undefined : ip(last));
}

function offered(set: RangeSet, last: Address | undefined): string[] {
  const texts: string[] = [];
  findCandidate(set, last, ({ address }) => {
    texts.push(formatAddress(address));
    return false;
  });
  return texts;
}

describe("findCandidate()", () => {
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
    ["A9 (the reference refuses it): after the range", { rangeEnd: ip("192.168.1.4") }, "192.168.1.5"],
    ["A10 (the reference refuses it): before the range", { rangeStart: ip("192.168.1.3") }, "192.168.1.2"],
  ])("gives an address %s, and goes on from the one before it", (_title, fields, requested) => {
    const set = [completeRange({ subnet: "192.168.1.0/29", ...fields })];
    const book = new Book([], "192.168.1.3");
    expect(book.allocate(set, "ID", requested)).toBe(`${requested}/29`);
    expect(book.allocate(set, "next")).toBe("192.168.1.4/29");
  });

  test("refuses an address outside the subnet", () => {
    expect(refusal(() => new Book().allocate(setOf("192.168.1.0/29"), "ID", "192.168.1.9"))).toEqual({
      code: 101,
      message: "192.168.1.9 not in range set 192.168.1.1-192.168.1.6",
    });
  });

  test.each([
    ["10.8.0.0", "is subnet's own address"],
    ["10.8.0.255", "is subnet's broadcast address"],
    ["10.8.0.77", "is excluded"],
  ])("refuses %s, which %s", (requested, obstacle) => {
    const set = [completeRange({ subnet: "10.8.0.0/24", exclude: ["10.8.0.64/27"] })];
    expect(refusal(() => new Book().allocate(set, "ID", requested))).toEqual({
      code: 101,
      message: `requested ip ${requested} ${obstacle}`,
    });
  });

  test.each([
    ["10.9.0.0/31", ["10.9.0.0/31"]],
    ["2001:db8::/127", ["2001:db8::/127"]],
    ["10.9.0.7/32", ["10.9.0.7/32"]],
    ["2001:db8::7/128", ["2001:db8::7/128"]],
  ])("gives what a %s has, and then says that it is full", (subnet, expected) => {
    const book = new Book();
    expect(expected.map((_each, index) => book.allocate(setOf(subnet), `ID${index}`))).toEqual(expected);
    expect(refusal(() => book.allocate(setOf(subnet), "one-more")).code).toBe(100);
  });

  test("gives a /32's address without a gateway", () => {
    const demand = { set: setOf("10.9.0.7/32"), setIndex: 0, requested: undefined, held: undefined, containerId: "ID" };
    expect(allocateAddress(new Book(), demand)).toEqual({ address: { address: ip("10.9.0.7"), length: 32 } });
  });

  test("reclaims leases of the dead only once nothing else is free", () => {
    const book = new Book();
    book.leases.set("10.0.0.2", "dead").set("10.0.0.3", "alive").set("10.0.0.4", "dead");
    book.dead.add("dead");
    const given = ["a", "b", "c", "d"].map((owner) => book.allocate(setOf("10.0.0.0/29"), owner));
    expect(given).toEqual(["10.0.0.5/29", "10.0.0.6/29", "10.0.0.2/29", "10.0.0.4/29"]);
    expect(refusal(() => book.allocate(setOf("10.0.0.0/29"), "e")).code).toBe(100);
    expect(book.leases.get("10.0.0.3")).toBe("alive");
  });

  test("reclaims the lease of an address that is asked for, if it is of the dead", () => {
    const book = new Book();
    book.leases.set("10.0.0.2", "dead").set("10.0.0.3", "alive").set("10.0.0.4", "dead");
    book.dead.add("dead");
    expect(book.allocate(setOf("10.0.0.0/29"), "a", "10.0.0.2")).toBe("10.0.0.2/29");
    expect(refusal(() => book.allocate(setOf("10.0.0.0/29"), "b", "10.0.0.3")).code).toBe(101);
    expect(book.leases.get("10.0.0.4")).toBe("dead");
  });

  test("gives resting addresses only once nothing else is left, the one that rests the longest first", () => {
    const book = new Book();
    book.leases.set("10.0.0.3", "dead");
    book.dead.add("dead");
    book.rest = ["10.0.0.6", "10.0.1.7", "10.0.0.4"];
    const given = ["a", "b", "c", "d", "e"].map((owner) => book.allocate(setOf("10.0.0.0/29"), owner));
    expect(given).toEqual(["10.0.0.2/29", "10.0.0.5/29", "10.0.0.3/29", "10.0.0.6/29", "10.0.0.4/29"]);
    expect(refusal(() => book.allocate(setOf("10.0.0.0/29"), "f")).code).toBe(100);
  });

  test("gives a resting address to who asks for it", () => {
    const book = new Book();
    book.rest = ["10.0.0.4"];
    expect(book.allocate(setOf("10.0.0.0/29"), "a", "10.0.0.4")).toBe("10.0.0.4/29");
  });

  describe("of an attachment with a lease of an earlier boot", () => {
    /** c1 had .4 before the boot. */
    function rebooted(): Book {
      const book = new Book([], "10.0.0.5");
      book.leases.set("10.0.0.4", "c1");
      book.outlived.add("c1");
      return book;
    }

    test.each([[undefined], ["10.0.0.4"]])("gives the same address again (requested %s)", (requested) => {
      const book = rebooted();
      expect(book.allocate(setOf("10.0.0.0/29"), "c1", requested)).toBe("10.0.0.4/29");
      expect(book.renewed).toEqual(["10.0.0.4"]);
      expect(book.last(0)).toEqual(ip("10.0.0.4"));
      expect(refusal(() => book.allocate(setOf("10.0.0.0/29"), "c1")).code).toBe(102);
    });

    test("gives the one that is asked for instead, and frees the old one", () => {
      const book = rebooted();
      expect(book.allocate(setOf("10.0.0.0/29"), "c1", "10.0.0.2")).toBe("10.0.0.2/29");
      expect([...book.leases]).toEqual([["10.0.0.2", "c1"]]);
    });

    test.each([
      ["excluded", { exclude: ["10.0.0.4/31"] }],
      ["the gateway's", { gateway: ip("10.0.0.4") }],
    ])("gives another where that is now %s", (_title, fields) => {
      const book = rebooted();
      expect(book.allocate([completeRange({ subnet: "10.0.0.0/29", ...fields })], "c1")).toBe("10.0.0.6/29");
      expect([...book.leases]).toEqual([["10.0.0.6", "c1"]]);
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

  test("gives an address beside the ranges to a set in whose subnet it is, never one of another set's ranges", () => {
    const halves = [
      [completeRange({ subnet: "10.0.0.0/24", rangeStart: ip("10.0.0.10"), rangeEnd: ip("10.0.0.19") })],
      [completeRange({ subnet: "10.0.0.0/24", rangeStart: ip("10.0.0.20"), rangeEnd: ip("10.0.0.29") })],
    ];
    expect(assignRequested(halves, [ip("10.0.0.99")])).toEqual([ip("10.0.0.99"), undefined]);
    expect(assignRequested(halves, ["10.0.0.99", "10.0.0.15"].map(ip))).toEqual([ip("10.0.0.15"), ip("10.0.0.99")]);
    expect(assignRequested(halves, [ip("10.0.0.25")])).toEqual([undefined, ip("10.0.0.25")]);
    expect(refusal(() => assignRequested(halves, ["10.0.0.25", "10.0.0.26"].map(ip)))).toEqual({
      code: 101,
      message: "failed to allocate all requested IPs: 10.0.0.26",
    });
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
      shapes: fc.array(
        fc.tuple(fc.nat(31), fc.nat(31), fc.nat(31), fc.array(fc.tuple(fc.nat(31), fc.nat(5)), { maxLength: 4 })),
        { minLength: 1, maxLength: 3 },
      ),
    })
    .map(({ base, shapes }) =>
      shapes.map(([a, b, gateway, exclude], index) => {
        const network = offsetAddress(ip(base), BigInt(index * 32));
        const bits = network.family === 4 ? 32 : 128;
        return completeRange({
          subnet: `${formatAddress(network)}/${network.family === 4 ? 27 : 123}`,
          rangeStart: offsetAddress(network, BigInt(Math.min(a, b))),
          rangeEnd: offsetAddress(network, BigInt(Math.max(a, b))),
          gateway: offsetAddress(network, BigInt(gateway)),
          exclude: exclude.map(
            ([host, size]) => `${formatAddress(offsetAddress(network, BigInt(host)))}/${bits - size}`,
          ),
        });
      }),
    );

  /** Every address of the set but gateways and those excluded, by the plainest of means. */
  function model(set: RangeSet): string[] {
    return set.flatMap((range) =>
      Array.from({ length: Number(sizeOfRange(range)) }, (_, index) => offsetAddress(range.start, BigInt(index)))
        .filter((address) => range.gateway === undefined || !isSameAddress(address, range.gateway))
        .filter((address) => !range.excluded.some((each) => rangeContains(each, address)))
        .map(formatAddress),
    );
  }

  test("findCandidate() offers every address but gateways and those excluded exactly once, whatever came last", () => {
    fc.assert(
      fc.property(rangeSets, fc.nat(127), (set, offset) => {
        const base = set[0]?.subnet.address ?? ip("::");
        const last = { family: base.family, value: base.value + BigInt(offset) };
        expect(offered(set, last).sort()).toEqual(model(set).sort());
      }),
    );
  });

  test("findCandidate() rotates one fixed order, so that the last address comes last", () => {
    fc.assert(
      fc.property(rangeSets, fc.nat(), (set, pick) => {
        const all = model(set);
        if (all.length === 0) return;
        const index = pick % all.length;
        expect(order(set, all[index])).toEqual([...all.slice(index + 1), ...all.slice(0, index + 1)]);
      }),
    );
  });

  /** Which addresses the next ADD may get: the free ones; if none, those of the dead; if none, the one that rests the longest. */
  function allowed(book: Book, set: RangeSet): string[] | undefined {
    const usable = model(set);
    const isDead = (text: string) => book.dead.has(book.leases.get(text) ?? "");
    const free = usable.filter((text) => !book.leases.has(text) && !book.rest.includes(text));
    const reclaimed = usable.filter((text) => isDead(text) && !book.rest.includes(text));
    const resting = book.rest.filter((text) => usable.includes(text) && (!book.leases.has(text) || isDead(text)));
    return [free, reclaimed, resting.slice(0, 1)].find((texts) => texts.length > 0);
  }

  function expectAdd(book: Book, set: RangeSet, id: string): void {
    const isHolder = [...book.leases.values()].includes(id);
    if (!isHolder) book.dead.delete(id);
    const alive = [...book.leases].filter(([, owner]) => !book.dead.has(owner)).map(([text]) => text);
    const expected = allowed(book, set);
    if (isHolder || expected === undefined) {
      expect(refusal(() => book.allocate(set, id)).code).toBe(isHolder ? 102 : 100);
      return;
    }
    const given = book.allocate(set, id).split("/")[0];
    expect(expected).toContain(given);
    expect(alive).not.toContain(given);
  }

  test("allocateAddress() gives what the plain model allows, nothing twice, and fails exactly when nothing is left", () => {
    const act = fc.constantFrom("add", "add", "add", "del", "rest", "die");
    const steps = fc.array(fc.record({ owner: fc.nat(40), act }), { maxLength: 150 });
    fc.assert(
      fc.property(rangeSets, steps, (set, script) => {
        const book = new Book();
        for (const { owner, act } of script) {
          const id = `c${owner}`;
          const own = [...book.leases].filter(([, holder]) => holder === id).map(([text]) => text);
          if (act === "add") expectAdd(book, set, id);
          else if (act === "die") book.dead.add(id);
          else book.release(id);
          if (act === "rest") book.rest = [...book.rest.filter((text) => !own.includes(text)), ...own];
        }
      }),
    );
  });
});
