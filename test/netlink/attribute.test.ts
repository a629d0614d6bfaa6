import { expect, test } from "vitest";
import { decodeAttributes, encodeAttributes, takeAttributes } from "../../src/netlink/attribute.ts";
import { raw, u32 } from "../../src/netlink/codec.ts";
import { LINK_HEADER_SIZE } from "../../src/netlink/link/header.ts";
import { RTM } from "../../src/netlink/rtnetlink.ts";
import { bytesOf, hexOf, lastOf } from "./captured.ts";

test.each(["get-bridge", "get-port", "get-peer"])(
  "encodeAttributes() gives back the kernel's bytes that decodeAttributes() read: %s",
  (name) => {
    const bytes = lastOf(name, "received", RTM.NEWLINK).payload.subarray(LINK_HEADER_SIZE);

    expect(hexOf(encodeAttributes(decodeAttributes(bytes)))).toBe(hexOf(bytes));
  },
);

test("decodeAttributes() reads type, value and nested flag", () => {
  expect(decodeAttributes(bytesOf("0800040078050000" + "08001280" + "04000100"))).toEqual([
    { type: 4, value: bytesOf("78050000") },
    { type: 18, value: bytesOf("04000100"), nested: true },
  ]);
});

test("decodeAttributes() passes over the flag for network byte order", () => {
  expect(decodeAttributes(bytesOf("0800014000000001"))).toEqual([{ type: 1, value: bytesOf("00000001") }]);
});

test("decodeAttributes() takes fewer bytes than a header at the end for padding", () => {
  expect(decodeAttributes(bytesOf("05000100ff000000" + "0000"))).toHaveLength(1);
});

test.each([
  ["03000400", "Cannot decode attribute 4: length 3, but 4 bytes are left"],
  ["0c00040078050000", "Cannot decode attribute 4: length 12, but 8 bytes are left"],
])("decodeAttributes() throws RangeError for %s", (hex, message) => {
  expect(() => decodeAttributes(bytesOf(hex))).toThrow(new RangeError(message));
});

test("takeAttributes() reads what is known, counts the rest, and takes an attribute without a value for one", () => {
  const values = {};
  const known = [undefined, { name: "empty", codec: raw }, { name: "size", codec: u32 }];
  const bytes = bytesOf("ffff" + "ffff" + "0800020001000000" + "05000300ff000000" + "04000100");
  expect(takeAttributes({ bytes, start: 4 }, known, values)).toBe(1);
  expect(values).toEqual({ size: 1, empty: new Uint8Array() });
});

test.each(["0800020001000000" + "03000100", "0800020001000000" + "0c00010000000000"])(
  "takeAttributes() throws RangeError for %s, known or not",
  (hex) => {
    expect(() => takeAttributes({ bytes: bytesOf(hex), start: 0 }, [], {})).toThrow(RangeError);
    const known = [undefined, { name: "a", codec: raw }];
    expect(() => takeAttributes({ bytes: bytesOf(hex), start: 0 }, known, {})).toThrow(/^Cannot decode attribute 1/);
  },
);

test("encodeAttributes() takes the longest value that fits", () => {
  expect(encodeAttributes([{ type: 7, value: new Uint8Array(65_531) }])).toHaveLength(65_536);
});

test("encodeAttributes() throws RangeError for a value that does not fit", () => {
  const attributes = [{ type: 7, value: new Uint8Array(65_532) }];

  expect(() => encodeAttributes(attributes)).toThrow(
    new RangeError("Cannot encode attribute 7: length 65536, must be at most 65535"),
  );
});
