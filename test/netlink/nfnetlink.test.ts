import { expect, test } from "vitest";
import { decodeNfgenmsg, encodeNfgenmsg, NFPROTO } from "../../src/netlink/nfnetlink.ts";
import { bytesOf, hexOf } from "./captured.ts";

test("encodeNfgenmsg() writes struct nfgenmsg, and attributes behind it", () => {
  expect(hexOf(encodeNfgenmsg({ family: NFPROTO.IPV6 }))).toBe("0a000000");
  const message = { family: NFPROTO.INET, resource: 10, attributes: bytesOf("05000100ff000000") };
  expect(hexOf(encodeNfgenmsg(message))).toBe("0100000a" + "05000100ff000000");
});

test("decodeNfgenmsg() gives back what encodeNfgenmsg() wrote", () => {
  const message = { family: NFPROTO.INET, resource: 10, attributes: bytesOf("05000100ff000000") };
  expect(decodeNfgenmsg(encodeNfgenmsg(message))).toEqual(message);
  expect(() => decodeNfgenmsg(bytesOf("0200"))).toThrow(
    new RangeError("Cannot decode struct nfgenmsg: 2 bytes, must be at least 4"),
  );
});
