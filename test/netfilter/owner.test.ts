import { expect, test } from "vitest";
import {
  isOwnerComment,
  isSelected,
  keyNumbers,
  networkKey,
  ownerComment,
  ownerKey,
  ownerKeyOf,
  parseOwnerComment,
  selectNetwork,
  selectOwner,
  selectStale,
} from "../../src/netfilter/owner.ts";

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

const KEY = "6fd94d501e58f0aa-287fc69eff0574a2";

test.each([
  "",
  "somebody's",
  "6fd94d501e58f0aa-, net: a, if: b, id: c",
  `x${KEY}, net: a, if: b, id: c`,
  `${KEY}, net: a, if: b`,
  `${KEY}, net: a, if: b, id: c\nmore`,
])("parseOwnerComment knows no owner in %j", (text) => {
  expect(parseOwnerComment(text)).toBeUndefined();
});

test.each([
  [`${KEY}, net: `, true],
  [`${KEY}, net: a, if: b, id: c`, true],
  [`x${KEY}, net: a`, false],
  [`${KEY}, `, false],
  [`${KEY.slice(1)}, net: a`, false],
  [`${KEY.slice(0, -1)}, net: a`, false],
  [`${KEY.toUpperCase()}, net: a`, false],
  ["somebody's", false],
])("isOwnerComment of %j is %j", (comment, expected) => {
  expect(isOwnerComment(comment)).toBe(expected);
});

test("ownerKeyOf is the key that a comment begins with", () => {
  expect(ownerKeyOf(ownerComment(owner))).toBe(ownerKey(owner));
});

test.each([
  ["a network's key", networkKey("unit-test"), { network: 0x6fd9, attachment: undefined }],
  ["an attachment's key", ownerKey(owner), { network: 0x6fd9, attachment: 0x287f }],
  ["what is no key", "", { network: 0, attachment: undefined }],
])("keyNumbers of %s are the first digits of its halves", (_, key, numbers) => {
  expect(keyNumbers(key)).toEqual(numbers);
});

const other = { ...owner, containerId: "two" };
const elsewhere = { ...owner, network: "another" };

test.each([
  { selection: selectOwner(owner), label: "eth0 of container one", selected: [owner] },
  { selection: selectStale("unit-test", [other]), label: "network unit-test's stale attachments", selected: [owner] },
  { selection: selectNetwork("unit-test"), label: "network unit-test", selected: [owner, other] },
])("isSelected finds what belongs to $label", ({ selection, label, selected }) => {
  const found = [owner, other, elsewhere].filter((each) => isSelected(selection, ownerComment(each)));
  expect([selection.label, found]).toEqual([label, selected]);
});
