import { expect, test } from "vitest";
import { parseAddress } from "../../src/ip/address.ts";
import type { Codec } from "../../src/netlink/codec.ts";
import {
  address,
  i32,
  i32be,
  mac,
  raw,
  text,
  u8,
  u16,
  u16be,
  u32,
  u32be,
  u64,
  u64be,
} from "../../src/netlink/codec.ts";
import { bytesOf, hexOf } from "./captured.ts";

const row = <T>(name: string, codec: Codec<T>, value: T, hex: string) => ({ name, codec, value, hex });

test.each([
  row<unknown>("u8", u8, 0x80, "80"),
  row<unknown>("u16", u16, 0x8001, "0180"),
  row<unknown>("u32", u32, 0x80000001, "01000080"),
  row<unknown>("i32", i32, -2, "feffffff"),
  row<unknown>("u64", u64, 0x8000000000000001n, "0100000000000080"),
  row<unknown>("u16be", u16be, 0x8001, "8001"),
  row<unknown>("u32be", u32be, 0x80000001, "80000001"),
  row<unknown>("i32be", i32be, -2, "fffffffe"),
  row<unknown>("u64be", u64be, 0x8000000000000001n, "8000000000000001"),
  row<unknown>("text", text, "eth0", "6574683000"),
  row<unknown>("raw", raw, bytesOf("010203"), "010203"),
  row<unknown>("mac", mac, "02:00:00:00:00:0a", "02000000000a"),
  row<unknown>("address", address, parseAddress("10.1.0.2"), "0a010002"),
  row<unknown>("address", address, parseAddress("fd00::2"), "fd000000000000000000000000000002"),
])("$name writes and reads $hex", ({ codec, value, hex }) => {
  expect(hexOf(codec.encode(value))).toBe(hex);
  expect(codec.decode(bytesOf(hex))).toEqual(value);
});

test("text reads what has no NUL at its end, as `ip` sends it", () => {
  expect(text.decode(bytesOf("627269646765"))).toBe("bridge");
});

test("mac reads no bytes as no MAC", () => {
  expect(mac.decode(new Uint8Array())).toBe("");
});

test("u32 throws RangeError for a value that is too short", () => {
  expect(() => u32.decode(bytesOf("0102"))).toThrow(
    new RangeError("Cannot decode a number: 2 bytes, must be at least 4"),
  );
});
