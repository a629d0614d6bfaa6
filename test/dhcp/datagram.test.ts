import { expect, it } from "vitest";
import { decodeDatagram, EVERYONE, encodeDatagram } from "../../src/dhcp/datagram.ts";
import { UNSPECIFIED } from "../../src/dhcp/message.ts";
import { formatAddress } from "../../src/ip/address.ts";
import { answer, capturedPacket, capturedPayload } from "./captured.ts";

it("encodeDatagram() writes the headers that the reference wrote, with both checksums", () => {
  const packet = encodeDatagram(capturedPayload("reference", "discover"), { from: UNSPECIFIED, to: EVERYONE });
  expect(Buffer.from(packet).toString("hex")).toBe(
    Buffer.from(capturedPacket("reference", "discover")).toString("hex"),
  );
});

it("encodeDatagram() writes the client's address, and no checksum of 0, which would mean that there is none", () => {
  const from = { family: 4, value: 0xc0a8011en } as const;
  const to = { family: 4, value: 0xc0a80101n } as const;
  const encode = (...payload: readonly number[]) => encodeDatagram(Uint8Array.from(payload), { from, to });
  const plain = encode(0, 0);
  expect([...plain.subarray(12, 20)]).toEqual([192, 168, 1, 30, 192, 168, 1, 1]);
  expect([...encode(...plain.subarray(26, 28)).subarray(26, 28)]).toEqual([0xff, 0xff]);
});

it("decodeDatagram() reads an empty message", () => {
  const packet = changed(24, 0, 8).subarray(0, 28);
  expect(decodeDatagram(packet)?.payload).toEqual(new Uint8Array());
});

it("decodeDatagram() reads what a server sends to a client", () => {
  expect(formatAddress(answer("ack").source)).toBe("192.168.1.1");
});

it.each([
  ["a message to a server", () => capturedPacket("dhclient", "discover")],
  ["an empty packet", () => new Uint8Array()],
  ["a header alone", () => capturedPacket("dhclient", "ack").subarray(0, 20)],
  ["a packet that is cut", () => capturedPacket("dhclient", "ack").subarray(0, 399)],
  ["a fragment", () => changed(6, 0x20)],
  ["another version", () => changed(0, 0x65)],
  ["a header of 16 bytes", () => changed(0, 0x44)],
  [
    "a header of 16 bytes with what could be UDP behind it",
    () => changed(16, 0, 67, 0, 68, 0, 100, 0, 0).with(0, 0x44),
  ],
  ["TCP", () => changed(9, 6)],
  ["UDP shorter than its header", () => changed(24, 0, 7)],
])("decodeDatagram() does not take %s", (_, packet) => {
  expect(decodeDatagram(packet())).toBeUndefined();
});

function changed(at: number, ...bytes: readonly number[]): Uint8Array {
  const packet = Uint8Array.from(capturedPacket("dhclient", "ack"));
  packet.set(bytes, at);
  return packet;
}
