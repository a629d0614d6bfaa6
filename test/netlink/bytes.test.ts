import { expect, test } from "vitest";
import { align, viewOfStruct } from "../../src/netlink/bytes.ts";
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
