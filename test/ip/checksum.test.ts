import { expect, test } from "vitest";
import { checksum } from "../../src/ip/checksum.ts";

// RFC 1071, section 3; a header of IPv4 without its checksum and with it; a sum of exactly 16 bits; an odd byte at the end.
test.each([
  ["0001f203f4f5f6f7", 0x220d],
  ["450000730000400040110000c0a80001c0a800c7", 0xb861],
  ["45000073000040004011b861c0a80001c0a800c7", 0],
  ["ffff", 0],
  ["01020304fe", 0xfdf8],
])("checksum of %s is %i", (hex, expected) => {
  expect(checksum(Uint8Array.fromHex(hex))).toBe(expected);
});
