import { describe, expect, test } from "vitest";
import { NEIGHBOUR_HEADER_SIZE } from "../../../src/netlink/neighbour/header.ts";
import { decodeNeighbour, encodeNeighbour, readNeighbour } from "../../../src/netlink/neighbour/message.ts";
import { RTM } from "../../../src/netlink/rtnetlink.ts";
import { bytesOf, captured, contentOf } from "../captured.ts";
import { address } from "../text.ts";

const payloads = captured("list-neighbours", "received", RTM.NEWNEIGH).map(({ payload }) => payload);

test("encodeNeighbour() keeps all that decodeNeighbour() read", () => {
  for (const payload of payloads) {
    const again = encodeNeighbour(decodeNeighbour(payload));
    expect(contentOf(again, NEIGHBOUR_HEADER_SIZE)).toEqual(contentOf(payload, NEIGHBOUR_HEADER_SIZE));
  }
});

describe("readNeighbour()", () => {
  test("reads a permanent neighbour", () => {
    expect(payloads.map(readNeighbour)).toContainEqual({
      address: address("10.1.0.9"),
      mac: "02:00:00:00:00:08",
      index: 2,
      state: 0x80,
    });
  });

  test("reads one whose MAC is not known yet", () => {
    expect(readNeighbour(bytesOf("020000000200000001000001" + "080001000a010009"))).toMatchObject({
      mac: "",
      state: 1,
    });
  });

  test.each([
    ["020000000200000001000001", "Cannot decode a neighbour message: NDA_DST is missing"],
    ["02000000", "Cannot decode struct ndmsg: 4 bytes, must be at least 12"],
  ])("throws RangeError for %s", (hex, message) => {
    expect(() => readNeighbour(bytesOf(hex))).toThrow(new RangeError(message));
  });
});
