import { expect, test } from "vitest";
import { decodeAttributes, encodeAttributes } from "../../src/netlink/attribute.ts";
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

test("encodeAttributes() throws RangeError for a value that does not fit", () => {
  const attributes = [{ type: 7, value: new Uint8Array(65_532) }];

  expect(() => encodeAttributes(attributes)).toThrow(
    new RangeError("Cannot encode attribute 7: length 65536, must be at most 65535"),
  );
});
