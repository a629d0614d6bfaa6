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
