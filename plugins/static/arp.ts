import { type Address, decodeAddress, encodeAddress } from "../../src/ip/address.ts";
import { decodeMac, encodeMac, type Mac } from "../../src/ip/mac.ts";

/** The first bytes of a message for IPv4 on Ethernet: hardware, protocol, and the lengths of their addresses. RFC 826 */
const HEADER = Uint8Array.of(0, 1, 0x08, 0, 6, 4);
const SIZE = 28;

/** Operations. RFC 826 */
const OPERATION = { REQUEST: 1 } as const;

/** Where addresses are in a message. RFC 826 */
const AT = { SENDER_MAC: 8, SENDER: 14, TARGET: 24 } as const;

/** A message of ARP, as far as it says who has an address. */
export interface ArpMessage {
  readonly isRequest: boolean;
  readonly senderMac: Mac;
  readonly sender: Address;
  readonly target: Address;
}

/** An ARP probe: asks who has an address, from 0.0.0.0, so that nobody learns anything from it. RFC 5227, 2.1.1 */
export function encodeArpProbe(address: Address, mac: Mac): Uint8Array {
  const bytes = new Uint8Array(SIZE);
  bytes.set(HEADER);
  bytes[7] = OPERATION.REQUEST;
  bytes.set(encodeMac(mac), AT.SENDER_MAC);
  bytes.set(encodeAddress(address), AT.TARGET);
  return bytes;
}

/** Reads a message for IPv4 on Ethernet; undefined for any other. Frames are longer than what they carry. */
export function decodeArp(bytes: Uint8Array): ArpMessage | undefined {
  if (bytes.length < SIZE || HEADER.some((byte, at) => bytes[at] !== byte)) return undefined;
  return {
    isRequest: bytes[6] === 0 && bytes[7] === OPERATION.REQUEST,
    senderMac: decodeMac(bytes.subarray(AT.SENDER_MAC, AT.SENDER)),
    sender: decodeAddress(bytes.subarray(AT.SENDER, AT.SENDER + 4)),
    target: decodeAddress(bytes.subarray(AT.TARGET, AT.TARGET + 4)),
  };
}
