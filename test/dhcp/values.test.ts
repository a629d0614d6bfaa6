import { describe, expect, it } from "vitest";
import { decodeOptions, encodeOptions, OPTION, type Options } from "../../src/dhcp/options.ts";
import {
  findAddress,
  findAddresses,
  findClasslessRoutes,
  findDomain,
  findMtu,
  findPrefixLength,
  findSearchDomains,
  findSeconds,
  findStaticRoutes,
  findText,
  type GivenRoute,
} from "../../src/dhcp/values.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { formatPrefix } from "../../src/ip/prefix.ts";
import { answer } from "./captured.ts";

const { options } = answer("ack").message;

function show(routes: readonly GivenRoute[] | undefined) {
  return routes?.map(
    ({ destination, gateway }) => `${formatPrefix(destination)} via ${gateway ? formatAddress(gateway) : "-"}`,
  );
}

function one(code: number, ...value: readonly number[]): Options {
  return new Map([[code, Uint8Array.from(value)]]);
}

describe("what dnsmasq said", () => {
  it("has addresses, times and a mask", () => {
    expect(findAddresses(options, OPTION.ROUTERS).map(formatAddress)).toEqual(["192.168.1.1"]);
    expect(findAddresses(options, OPTION.NAME_SERVERS).map(formatAddress)).toEqual(["192.168.1.1", "9.9.9.9"]);
    expect(findSeconds(options, OPTION.LEASE_TIME)).toBe(120);
    expect(findPrefixLength(options)).toBe(24);
    expect(findMtu(options)).toBe(1400);
  });

  it("has names: a pointer of option 119 leads to an earlier one", () => {
    expect(findDomain(options)).toBe("example.org");
    expect(findSearchDomains(options)).toEqual(["eng.example.org", "sales.example.org"]);
  });

  it("has routes with and without classes", () => {
    expect(show(findClasslessRoutes(options))).toEqual([
      "10.0.0.0/8 via 192.168.1.3",
      "0.0.0.0/0 via 192.168.1.1",
      "192.168.1.77/32 via -",
    ]);
    expect(show(findStaticRoutes(options))).toEqual(["10.9.8.7/8 via 192.168.1.2"]);
  });
});

it("Y5: findStaticRoutes() has the mask of each class, and keeps host bits", () => {
  const value = [10, 0, 0, 0, 10, 1, 2, 3, 172, 16, 0, 1, 10, 1, 2, 3, 192, 168, 1, 100, 10, 1, 2, 3];
  expect(show(findStaticRoutes(one(OPTION.STATIC_ROUTES, ...value)))).toEqual([
    "10.0.0.0/8 via 10.1.2.3",
    "172.16.0.1/16 via 10.1.2.3",
    "192.168.1.100/24 via 10.1.2.3",
  ]);
});

it.each([
  ["a mask with holes", () => findPrefixLength(one(OPTION.SUBNET_MASK, 255, 0, 255, 0)), undefined],
  ["a mask of all ones", () => findPrefixLength(one(OPTION.SUBNET_MASK, 255, 255, 255, 255)), 32],
  ["a mask of all zeros", () => findPrefixLength(one(OPTION.SUBNET_MASK, 0, 0, 0, 0)), 0],
  ["no mask", () => findPrefixLength(new Map()), undefined],
  ["a mask that is cut", () => findPrefixLength(one(OPTION.SUBNET_MASK, 255, 255)), undefined],
  ["a cut address", () => findAddress(one(OPTION.SERVER, 1, 2, 3), OPTION.SERVER), undefined],
  ["a cut list of addresses", () => findAddresses(one(OPTION.ROUTERS, 1, 2, 3, 4, 5), OPTION.ROUTERS), []],
  ["a cut time", () => findSeconds(one(OPTION.LEASE_TIME, 1), OPTION.LEASE_TIME), undefined],
  ["no MTU", () => findMtu(new Map()), undefined],
  ["an MTU of three bytes", () => findMtu(one(OPTION.MTU, 5, 220, 0)), undefined],
  ["an MTU of 67", () => findMtu(one(OPTION.MTU, 0, 67)), undefined],
  ["text of NULs", () => findText(one(OPTION.DOMAIN, 0, 0), OPTION.DOMAIN), undefined],
  ["a domain with a line break", () => findDomain(textOf(15, "a.org\nnameserver 10.0.0.1")), undefined],
  ["a domain with a line break at its end", () => findDomain(textOf(15, "a.org\n")), undefined],
  ["a domain that is no text", () => findDomain(one(OPTION.DOMAIN, 0xff, 0xfe)), undefined],
  ["no domain", () => findDomain(new Map()), undefined],
  ["a route of 33 bits", () => findClasslessRoutes(one(121, 33, 1, 1, 1, 1, 1, 1, 1, 1, 1)), undefined],
  ["a route that is cut", () => findClasslessRoutes(one(121, 8, 10, 1, 1, 1)), undefined],
  ["no routes", () => findClasslessRoutes(new Map()), undefined],
  ["a name that is cut", () => findSearchDomains(one(119, 3, 97, 98)), []],
  ["a pointer to itself", () => findSearchDomains(one(119, 1, 97, 0, 0xc0, 3)), []],
  ["a name that points to itself", () => findSearchDomains(one(119, 1, 97, 0xc0, 2)), []],
  ["a name that points behind itself", () => findSearchDomains(one(119, 1, 97, 0, 0xc0, 5, 1, 98, 0)), []],
  ["a pointer that is cut", () => findSearchDomains(one(119, 1, 97, 0, 0xc0)), []],
  ["a name with a line break in front", () => findSearchDomains(one(119, 2, 10, 97, 0)), []],
  ["a name of 254 characters", () => findSearchDomains(one(119, ...domainOf(254))), []],
  ["a name with a line break", () => findSearchDomains(one(119, 2, 97, 10, 0)), []],
])("%s is no value, and does not hang", (_, find, expected) => {
  expect(find()).toEqual(expected);
});

it.each(["example.org", "example.org.", "local", "a.org b.org", "_a.x-1.org"])("findDomain() takes %j", (text) => {
  expect(findDomain(textOf(OPTION.DOMAIN, text))).toBe(text);
});

function textOf(code: number, text: string): Options {
  return one(code, ...new TextEncoder().encode(text));
}

/** A name of that many characters in labels of one letter each, and of two in the first if the number is even. */
function domainOf(length: number): readonly number[] {
  const first = length % 2 === 0 ? [2, 97, 97] : [1, 97];
  return [...first, ...Array.from({ length: Math.floor((length - 1) / 2) }, () => [1, 97]).flat(), 0];
}

it("findMtu() takes the smallest MTU of IPv4", () => {
  expect(findMtu(one(OPTION.MTU, 0, 68))).toBe(68);
});

it("findText() keeps what is before the NULs at the end", () => {
  expect(findText(one(OPTION.TEXT, 97, 0, 98, 0, 0), OPTION.TEXT)).toBe("a\0b");
});

it("findStaticRoutes() leaves out an address without a gateway at the end", () => {
  const value = [10, 0, 0, 0, 10, 1, 2, 3, 172, 16, 0, 1];
  expect(show(findStaticRoutes(one(OPTION.STATIC_ROUTES, ...value)))).toEqual(["10.0.0.0/8 via 10.1.2.3"]);
});

it("findSearchDomains() follows a pointer to the first name, skips the root, and reads the longest name", () => {
  expect(findSearchDomains(one(119, 1, 97, 0, 0, 1, 98, 0xc0, 0, 1, 99, 0))).toEqual(["a", "b.a", "c"]);
  expect(findSearchDomains(one(119, ...domainOf(253)))[0]).toHaveLength(253);
});

it("findSearchDomains() reads 32 domains of a long option and no more", () => {
  const value = Array.from({ length: 500 }, () => [1, 97, 0]).flat();
  expect(findSearchDomains(one(OPTION.DOMAIN_SEARCH, ...value))).toEqual(Array.from({ length: 32 }, () => "a"));
});

it("decodeOptions() skips padding and ends at the mark", () => {
  expect([...decodeOptions(Uint8Array.of(0, 0, 12, 1, 65, 255, 13, 9)).keys()]).toEqual([12]);
  expect([...encodeOptions(new Map([[80, new Uint8Array()]]))]).toEqual([80, 0, 255]);
  expect(encodeOptions(new Map([[80, new Uint8Array(255)]]))).toHaveLength(2 + 255 + 1);
  expect([...decodeOptions(Uint8Array.of(12, 1, 65)).keys()]).toEqual([12]);
  expect(() => decodeOptions(Uint8Array.of(12))).toThrow("Cannot decode option 12");
  expect(() => decodeOptions(Uint8Array.of(12, 1, 65, 13, 3, 65, 66))).toThrow("Cannot decode option 13");
});
