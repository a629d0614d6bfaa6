import { expect, test } from "vitest";
import { decodeMessages, encodeMessages } from "../../src/netlink/message.ts";
import { concat } from "../../src/platform/bytes.ts";
import { bytesOf, capturedBytes, hexOf } from "./captured.ts";

test("encodeMessages() gives back the datagram that decodeMessages() read", () => {
  const datagram = concat(capturedBytes("list-addresses", "received"));

  expect(hexOf(encodeMessages(decodeMessages(datagram)))).toBe(hexOf(datagram));
});

test("decodeMessages() reads the fields of struct nlmsghdr", () => {
  expect(decodeMessages(bytesOf("14000000030022000a0b0c0d4512000000000000"))).toEqual([
    { type: 3, flags: 0x22, sequence: 0x0d0c0b0a, port: 0x1245, payload: bytesOf("00000000") },
  ]);
});

test("decodeMessages() reads nothing as no messages", () => {
  expect(decodeMessages(new Uint8Array())).toEqual([]);
});

test.each([
  ["1400000003", "Cannot decode struct nlmsghdr: 5 bytes, must be at least 16"],
  ["0f000000030002000000000000000000", "Cannot decode a message: length 15, but 16 bytes are left"],
  ["14000000030002000000000000000000", "Cannot decode a message: length 20, but 16 bytes are left"],
])("decodeMessages() throws RangeError for %s", (hex, message) => {
  expect(() => decodeMessages(bytesOf(hex))).toThrow(new RangeError(message));
});
