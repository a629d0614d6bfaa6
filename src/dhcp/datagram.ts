import { type Address, decodeAddress, encodeAddress } from "../ip/address.ts";
import { checksum } from "../ip/checksum.ts";
import { concat } from "../platform/bytes.ts";

/** UDP ports. RFC 2131, 4.1 */
export const PORT = { SERVER: 67, CLIENT: 68 } as const;

/** 255.255.255.255 */
export const EVERYONE: Address = { family: 4, value: 0xffffffffn };

const IP_SIZE = 20;
const UDP_SIZE = 8;
const UDP = 17;

/** A message of a client in an IPv4 packet. A client without an address has to write the headers itself. RFC 791, RFC 768 */
export function encodeDatagram(payload: Uint8Array, { from, to }: { from: Address; to: Address }): Uint8Array {
  const ip = new Uint8Array(IP_SIZE);
  const ipView = new DataView(ip.buffer);
  ip[0] = 0x45;
  ipView.setUint16(2, IP_SIZE + UDP_SIZE + payload.length);
  ip[8] = 64;
  ip[9] = UDP;
  ip.set(encodeAddress(from), 12);
  ip.set(encodeAddress(to), 16);
  ipView.setUint16(10, checksum(ip));
  const udp = new Uint8Array(UDP_SIZE);
  const udpView = new DataView(udp.buffer);
  udpView.setUint16(0, PORT.CLIENT);
  udpView.setUint16(2, PORT.SERVER);
  udpView.setUint16(4, UDP_SIZE + payload.length);
  const pseudo = Uint8Array.of(0, UDP, ...udp.subarray(4, 6));
  const sum = checksum(concat([ip.subarray(12), pseudo, udp, payload]));
  // 0 would mean that there is no checksum.
  udpView.setUint16(6, sum === 0 ? 0xffff : sum);
  return concat([ip, udp, payload]);
}

/**
 * The message in an IPv4 packet to a DHCP client, and its source; undefined for any other packet. Checksums are not compared: the kernel
 * of a server on this host leaves them to a network card that the packet never reaches.
 */
export function decodeDatagram(packet: Uint8Array): { source: Address; payload: Uint8Array } | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const header = ((packet[0] ?? 0) & 0xf) * 4;
  const payload = header + UDP_SIZE;
  if (packet.length < payload || (packet[0] ?? 0) >> 4 !== 4 || header < IP_SIZE || packet[9] !== UDP) return undefined;
  const isFragment = (view.getUint16(6) & 0x3fff) !== 0;
  const length = view.getUint16(header + 4);
  if (isFragment || view.getUint16(header + 2) !== PORT.CLIENT || length < UDP_SIZE) return undefined;
  if (header + length > packet.length) return undefined;
  return { source: decodeAddress(packet.subarray(12, 16)), payload: packet.subarray(payload, header + length) };
}
