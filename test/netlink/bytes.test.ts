import { expect, test } from "vitest";
import { align, holdsAny, holdsText, viewOfStruct } from "../../src/netlink/bytes.ts";
import { concat } from "../../src/platform/bytes.ts";
import { bytesOf } from "./captured.ts";

test("concat() joins in order", () => {
  expect(concat([bytesOf("01"), bytesOf(""), bytesOf("0203")])).toEqual(bytesOf("010203"));
});

test.each([
  [0, 0],
  [1, 4],
  [4, 4],
  [5, 8],
])("align() rounds %i up to %i", (length, aligned) => {
  expect(align(length)).toBe(aligned);
});

test("viewOfStruct() throws RangeError naming the structure", () => {
  expect(() => viewOfStruct(bytesOf("0102"), "struct rtmsg", 12)).toThrow(
    new RangeError("Cannot decode struct rtmsg: 2 bytes, must be at least 12"),
  );
});

test.each([
  ["é", true],
  ["c", true],
  ["ec", false],
  ["", true],
])('holdsText(): whether the bytes of "éc" hold %j is %s', (text, isHeld) => {
  expect(holdsText(bytesOf("00c3a96300"), text)).toBe(isHeld);
});

test("holdsAny() is whether the bytes hold one of several parts, texts or bytes, and true without parts", () => {
  const bytes = bytesOf("0061620102");
  expect([holdsAny(bytes, ["x", "ab"]), holdsAny(bytes, [bytesOf("0102"), "x"])]).toEqual([true, true]);
  expect([holdsAny(bytes, ["x", bytesOf("0201")]), holdsAny(bytes, [])]).toEqual([false, true]);
});
