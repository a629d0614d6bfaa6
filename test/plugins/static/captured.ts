import fs from "node:fs";
import path from "node:path";

const file = path.join(import.meta.dirname, "../../captures/neighbours/probes.hex");

/** A packet of that name ("arp probe") in the capture. */
export function capturedPacket(name: string): Uint8Array {
  const lines = fs.readFileSync(file, "utf8").split("\n");
  const hex = lines[lines.indexOf(`## ${name}`) + 1];
  if (hex === undefined || hex.startsWith("#")) throw new Error(`Cannot find ${name} in probes.hex`);
  return new Uint8Array(Buffer.from(hex, "hex"));
}

/** The packet with other bytes at a place. */
export function changedPacket(name: string, at: number, ...bytes: readonly number[]): Uint8Array {
  const packet = capturedPacket(name);
  packet.set(bytes, at);
  return packet;
}
