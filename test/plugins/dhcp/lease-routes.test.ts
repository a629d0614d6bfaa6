import { describe, expect, it } from "vitest";
import { findRouter, routesOf } from "../../../plugins/dhcp/lease-routes.ts";
import { OPTION } from "../../../src/dhcp/options.ts";
import { formatAddress } from "../../../src/ip/address.ts";
import { formatPrefix, parsePrefix } from "../../../src/ip/prefix.ts";

const ROUTER = [10, 9, 0, 1];
const FAR = [172, 16, 0, 1];

function routes(own: string, given: Readonly<Record<number, readonly number[]>>): readonly string[] {
  const prefix = parsePrefix(own);
  if (prefix === undefined) throw new Error(own);
  const all = routesOf({ lease: { options: optionsOf(given) }, prefix, priority: undefined });
  return all.map(
    ({ dst, gw, scope }) => `${formatPrefix(dst)} ${gw && formatAddress(gw)}${scope === undefined ? "" : " link"}`,
  );
}

function optionsOf(given: Readonly<Record<number, readonly number[]>>) {
  return new Map(Object.entries(given).map(([code, value]) => [Number(code), Uint8Array.from(value)]));
}

describe("routesOf()", () => {
  it("leads to a router in the address's network without more", () => {
    expect(routes("10.9.0.20/24", { 3: ROUTER })).toEqual(["0.0.0.0/0 10.9.0.1"]);
  });

  it.each([
    ["10.9.0.20/32", { 3: ROUTER }, ["10.9.0.1/32 0.0.0.0 link", "0.0.0.0/0 10.9.0.1"]],
    ["10.9.0.20/24", { 3: FAR }, ["172.16.0.1/32 0.0.0.0 link", "0.0.0.0/0 172.16.0.1"]],
    [
      "10.9.0.20/24",
      { 121: [0, ...FAR, 8, 10, ...FAR] },
      ["172.16.0.1/32 0.0.0.0 link", "0.0.0.0/0 172.16.0.1", "10.0.0.0/8 172.16.0.1"],
    ],
    ["10.9.0.20/24", { 33: [192, 168, 5, 0, ...FAR] }, ["172.16.0.1/32 0.0.0.0 link", "192.168.5.0/24 172.16.0.1"]],
  ])("of %s with %j has a route to a gateway outside of its network, once", (own, given, expected) => {
    expect(routes(own, given)).toEqual(expected);
  });

  it("begins with routes on the link, which others need, in whatever order the server has them", () => {
    const given = { 121: [0, ...ROUTER, 32, ...ROUTER, 0, 0, 0, 0] };
    expect(routes("10.9.0.20/32", given)).toEqual(["10.9.0.1/32 0.0.0.0 link", "0.0.0.0/0 10.9.0.1"]);
  });

  it("has none through what is no host's address", () => {
    expect(routes("10.9.0.20/24", { 121: [0, 224, 0, 0, 1, 8, 10, ...ROUTER] })).toEqual(["10.0.0.0/8 10.9.0.1"]);
    expect(routes("10.9.0.20/24", { 33: [192, 168, 5, 0, 0, 0, 0, 0] })).toEqual([]);
  });
});

it.each([
  [[...ROUTER, ...FAR], "10.9.0.1"],
  [[0, 0, 0, 0, ...ROUTER], "10.9.0.1"],
  [[255, 255, 255, 255], undefined],
  [[224, 0, 0, 1], undefined],
])("findRouter() of %j is %s", (value, expected) => {
  const found = findRouter(optionsOf({ [OPTION.ROUTERS]: value }));
  expect(found && formatAddress(found)).toBe(expected);
});
