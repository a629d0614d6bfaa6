import fc from "fast-check";
import { expect, test } from "vitest";
import { i16, i32, text, u8, u16be, u32, u64 } from "../../src/netlink/codec.ts";
import { payload, struct } from "../../src/netlink/struct.ts";

const inner = struct("struct inner", 4, { flags: [0, u8], port: [2, u16be] });
const outer = struct("struct outer", 32, {
  kind: [0, u8],
  first: [4, inner],
  second: [8, inner],
  delta: [12, i32],
  rate: [16, u64],
  skew: [26, i16],
  mask: [28, u32],
});

test("a struct writes each member at its place, and 0 where it has none and where one is left out", () => {
  const bytes = outer.encode({ kind: 7, second: { flags: 1, port: 0x1234 }, delta: -2, mask: 5 });
  expect(Buffer.from(bytes).toString("hex")).toBe(`070000000000000001001234feffffff${"0".repeat(24)}05000000`);
});

test("a struct reads what it wrote, whatever the values", () => {
  const whole = fc.record({ flags: fc.nat(0xff), port: fc.nat(0xffff) });
  const values = fc.record({
    kind: fc.nat(0xff),
    first: whole,
    second: whole,
    delta: fc.integer(),
    rate: fc.bigInt(0n, (1n << 64n) - 1n),
    skew: fc.integer({ min: -0x8000, max: 0x7fff }),
    mask: fc.nat(0xffff_ffff),
  });
  fc.assert(
    fc.property(values, (value) => {
      expect(outer.decode(outer.encode(value))).toEqual(value);
    }),
  );
});

test("a struct is read from the front of longer bytes, and never from shorter ones", () => {
  expect(inner.decode(Uint8Array.of(1, 0, 0, 80, 9, 9))).toEqual({ flags: 1, port: 80 });
  expect(() => inner.decode(Uint8Array.of(1, 0, 0))).toThrow(
    new RangeError("Cannot decode struct inner: 3 bytes, must be at least 4"),
  );
});

test("a payload has its attributes behind the struct, and reads back those that nobody described", () => {
  const message = payload(inner, { name: [3, text] });
  const unknown = [{ type: 9, value: Uint8Array.of(1) }];
  const sent = { header: { flags: 2, port: 53 }, attributes: { name: "eth0", unknown } };
  const bytes = message.encode(sent);
  expect(Buffer.from(bytes).toString("hex")).toBe("02000035" + "09000300" + "6574683000000000" + "0500090001000000");
  expect(message.decode(bytes)).toEqual(sent);
  expect(() => message.decode(bytes.subarray(0, 3))).toThrow("Cannot decode struct inner: 3 bytes, must be at least 4");
});
