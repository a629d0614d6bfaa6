import { expect, it } from "vitest";
import { decodeNeighbour, encodeSolicitation, groupMacOf } from "../../../plugins/static/neighbour.ts";
import { parseAddress } from "../../../src/ip/address.ts";
import { capturedPacket, changedPacket } from "./captured.ts";

const target = { family: 6, value: 0xfd000093000000000000000000000001n } as const;
const nobody = { family: 6, value: 0n } as const;

it("encodeSolicitation() writes what Linux sends to detect a duplicate", () => {
  expect(encodeSolicitation(target)).toEqual(capturedPacket("solicitation"));
});

it("decodeNeighbour() reads a solicitation and an advertisement", () => {
  expect(decodeNeighbour(capturedPacket("solicitation"))).toEqual({ isSolicitation: true, source: nobody, target });
  const advertisement = { isSolicitation: false, source: target, target };
  expect(decodeNeighbour(capturedPacket("advertisement"))).toEqual(advertisement);
});

it.each([
  ["an empty packet", new Uint8Array()],
  ["a packet that is cut", capturedPacket("solicitation").subarray(0, 63)],
  ["IPv4", changedPacket("solicitation", 0, 0x45)],
  ["UDP", changedPacket("solicitation", 6, 17)],
  ["what a router has passed on", changedPacket("solicitation", 7, 254)],
  ["a router's advertisement", changedPacket("advertisement", 40, 134)],
  ["a code that is none", changedPacket("advertisement", 41, 1)],
])("decodeNeighbour() does not take %s", (_, packet) => {
  expect(decodeNeighbour(packet)).toBeUndefined();
});

it("groupMacOf() has the last three bytes of the address", () => {
  const address = parseAddress("fd00:93::12:3456");
  expect(address && groupMacOf(address)).toEqual(Uint8Array.of(0x33, 0x33, 0xff, 0x12, 0x34, 0x56));
});
