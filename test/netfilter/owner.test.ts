import { expect, test } from "vitest";
import { networkKey, ownerComment, ownerKey, parseOwnerComment } from "../../src/netfilter/owner.ts";

const owner = { network: "unit-test", ifname: "eth0", containerId: "one" };

test("ownerComment is the reference plugins' comment", () => {
  expect(ownerComment(owner)).toBe("6fd94d501e58f0aa-287fc69eff0574a2, net: unit-test, if: eth0, id: one");
});

test("ownerKey and networkKey begin it", () => {
  expect(ownerKey(owner)).toBe("6fd94d501e58f0aa-287fc69eff0574a2");
  expect(networkKey("unit-test")).toBe("6fd94d501e58f0aa-");
});

test("ownerKey differs by network, by interface and by container", () => {
  const owners = [owner, { ...owner, network: "n" }, { ...owner, ifname: "eth1" }, { ...owner, containerId: "two" }];
  expect(new Set(owners.map(ownerKey)).size).toBe(4);
});

test("ownerComment leaves double quotes out, which the nft tool cannot escape", () => {
  expect(ownerComment({ network: 'a"b', ifname: 'c"', containerId: '"' })).toMatch(/, net: ab, if: c, id: $/);
});

test("ownerComment is cut to the 128 bytes that the nft tool reads, between characters", () => {
  const long = ownerComment({ ...owner, containerId: "x".repeat(200) });
  expect(long).toHaveLength(128);
  expect(long).toMatch(/, id: x+$/);
  const wide = ownerComment({ network: "n", ifname: "ü".repeat(100), containerId: "x" });
  expect(Buffer.byteLength(wide)).toBe(127);
  expect(wide).toMatch(/^[0-9a-f]{16}-[0-9a-f]{16}, net: n, if: ü+$/);
});

test("parseOwnerComment reads what ownerComment wrote", () => {
  expect(parseOwnerComment(ownerComment(owner))).toEqual(owner);
});

test("parseOwnerComment reads of a comment that was cut what is left", () => {
  const cut = parseOwnerComment(ownerComment({ ...owner, containerId: "x".repeat(200) }));
  expect(cut).toMatchObject({ network: owner.network, ifname: owner.ifname });
  expect(cut?.containerId).toMatch(/^x{50,}$/);
});

test.each(["", "somebody's", "6fd94d501e58f0aa-, net: a, if: b, id: c"])(
  "parseOwnerComment knows no owner in %j",
  (text) => {
    expect(parseOwnerComment(text)).toBeUndefined();
  },
);
