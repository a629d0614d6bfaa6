import fs from "node:fs";
import path from "node:path";
import { decodeDatagram } from "../../src/dhcp/datagram.ts";
import { decodeMessage } from "../../src/dhcp/message.ts";

const folder = path.join(import.meta.dirname, "../captures");

/** The IPv4 packet with a message of that name ("offer") in a capture. */
export function capturedPacket(name: string, message: string): Uint8Array {
  return capturedBytes(`dhcp/${name}`, message);
}

/** The bytes of that name in a file of captures. */
export function capturedBytes(name: string, message: string): Uint8Array {
  const lines = fs.readFileSync(path.join(folder, `${name}.hex`), "utf8").split("\n");
  const hex = lines[lines.indexOf(`## ${message}`) + 1];
  if (hex === undefined || hex.startsWith("#")) throw new Error(`Cannot find ${message} in ${name}.hex`);
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** The message in it, whoever it is for. */
export function capturedPayload(name: string, message: string): Uint8Array {
  return capturedPacket(name, message).subarray(28);
}

/** What dnsmasq answered, decoded. */
export function answer(message: "offer" | "ack", name = "dhclient") {
  const found = decodeDatagram(capturedPacket(name, message));
  if (found === undefined) throw new Error(`${message} of ${name}.hex is no packet for a client`);
  return { source: found.source, message: decodeMessage(found.payload) };
}
