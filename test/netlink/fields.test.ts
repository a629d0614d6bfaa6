import { expect, test } from "vitest";
import { text, u32 } from "../../src/netlink/codec.ts";
import { decoderOf, encodeFields, nest } from "../../src/netlink/fields.ts";
import { bytesOf, hexOf } from "./captured.ts";

const INNER = { size: [4, u32] } as const;
const FIELDS = { name: [3, text], size: [4, u32], marked: [5, nest(INNER)], plain: [6, nest(INNER, false)] } as const;

test("encodeFields() writes the properties in their order, and leaves out undefined ones", () => {
  expect(hexOf(encodeFields(FIELDS, { size: 1, name: "ab", plain: undefined }))).toBe(
    "0800040001000000" + "0700030061620000",
  );
});

test("decoderOf() keeps what no field names", () => {
  const bytes = bytesOf("0500630001000000" + "0800040001000000");

  expect(decoderOf(FIELDS)(bytes)).toEqual({ size: 1, unknown: [{ type: 0x63, value: bytesOf("01") }] });
});

test("decoderOf() throws RangeError for an attribute that runs past the end, behind a known one as well", () => {
  expect(() => decoderOf(FIELDS)(bytesOf("0800040001000000" + "0c00040001000000"))).toThrow(
    new RangeError("Cannot decode attribute 4: length 12, but 8 bytes are left"),
  );
});

test("encodeFields() writes what no field names behind the rest", () => {
  const values = { unknown: [{ type: 0x63, value: bytesOf("01") }], size: 1 };

  expect(hexOf(encodeFields(FIELDS, values))).toBe("0800040001000000" + "0500630001000000");
});

test("nest() marks the attribute as nested, unless told not to", () => {
  const bytes = encodeFields(FIELDS, { marked: { size: 1 }, plain: { size: 2 } });

  expect(hexOf(bytes)).toBe("0c00058008000400" + "01000000" + "0c00060008000400" + "02000000");
  expect(decoderOf(FIELDS)(bytes)).toEqual({ marked: { size: 1 }, plain: { size: 2 } });
});
