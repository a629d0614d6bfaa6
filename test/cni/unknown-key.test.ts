import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { findNearest } from "../../src/cni/nearest.ts";
import { findMisspelt, findUnknownKeys, isComment } from "../../src/cni/unknown-key.ts";

describe("findUnknownKeys", () => {
  const schema = z.object({
    isGateway: z.optional(z.boolean()),
    ipam: z.optional(z.object({ ranges: z.array(z.object({ subnet: z.string() })) })),
  });

  test("has the place of each, whatever its case", () => {
    const json = { ISGATEWAY: true, mtu: 1, ipam: { ranges: [{ subnet: "a" }, { SUBNET: "a", gateway: "b" }] } };
    expect(findUnknownKeys(schema, json).map(({ key, place, path }) => ({ key, place, path }))).toEqual([
      { key: "mtu", place: "", path: ["mtu"] },
      { key: "gateway", place: "ipam.ranges[]", path: ["ipam", "ranges", 1, "gateway"] },
    ]);
  });

  test("takes the specification's keys in the configuration itself alone", () => {
    const found = findUnknownKeys(schema, { cniVersion: "1.1.0", prevResult: {}, ipam: { ranges: [], dns: {} } });
    expect(found).toEqual([{ key: "dns", place: "ipam", known: ["ranges"], path: ["ipam", "dns"] }]);
  });

  test("looks into no value of another kind", () => {
    expect(findUnknownKeys(schema, [{ mtu: 1 }])).toEqual([]);
    expect(findUnknownKeys(schema, { ipam: "host-local" })).toEqual([]);
  });
});

describe("findMisspelt", () => {
  test.each([
    ["isGatway", "isGateway"],
    ["isgateway", undefined],
    ["_isGateway", undefined],
    ["hairpin", undefined],
  ])("of %j is %j", (key, near) => expect(findMisspelt(key, ["isGateway", "mtu"])).toBe(near));
});

describe("findNearest", () => {
  test.each([
    ["mtx", "mtu"],
    ["mxx", undefined],
    ["isGatxxay", "isGateway"],
    ["isGaxxxay", undefined],
  ])("of %j is %j: at most a third of the letters differ, and two", (word, near) => {
    expect(findNearest(word, ["isGateway", "mtu"])).toBe(near);
  });
});

test.each([
  ["_mtu", true],
  ["#mtu", true],
  ["//", true],
  ["mtu_", false],
  ["a//b", false],
])("isComment(%j) is %j", (key, is) => expect(isComment(key)).toBe(is));
