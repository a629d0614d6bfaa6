import { expect, it } from "vitest";
import { decodeArp, encodeArpProbe } from "../../../plugins/static/arp.ts";
import { capturedPacket, changedPacket } from "./captured.ts";

const other = { family: 4, value: 0x0a5d0001n } as const;
const nobody = { family: 4, value: 0n } as const;

it("encodeArpProbe() writes what busybox sends, with zeros for the MAC that it asks for, as RFC 5227 has it", () => {
  expect(encodeArpProbe(other, "02:00:00:00:00:02")).toEqual(changedPacket("arp probe", 18, 0, 0, 0, 0, 0, 0));
});

it("decodeArp() reads a probe and an answer, also in a frame that is longer", () => {
  const probe = { isRequest: true, senderMac: "02:00:00:00:00:02", sender: nobody, target: other };
  const answer = { isRequest: false, senderMac: "02:00:00:00:00:01", sender: other, target: nobody };
  expect(decodeArp(capturedPacket("arp probe"))).toEqual(probe);
  expect(decodeArp(Uint8Array.of(...capturedPacket("arp reply"), ...new Array<number>(18).fill(0)))).toEqual(answer);
  expect(decodeArp(changedPacket("arp probe", 6, 1, 1))).toEqual({ ...probe, isRequest: false });
});

it.each([
  ["an empty packet", new Uint8Array()],
  ["a packet that is cut", capturedPacket("arp reply").subarray(0, 27)],
  ["another hardware", changedPacket("arp reply", 0, 0, 6)],
  ["another protocol", changedPacket("arp reply", 2, 0x86, 0xdd)],
  ["longer addresses", changedPacket("arp reply", 4, 8)],
])("decodeArp() does not take %s", (_, packet) => {
  expect(decodeArp(packet)).toBeUndefined();
});
