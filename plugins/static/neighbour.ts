import { type Address, decodeAddress, encodeAddress } from "../../src/ip/address.ts";
import { checksum } from "../../src/ip/checksum.ts";

/** Types of ICMPv6. RFC 4861, 4.3 and 4.4 */
export const ND = { SOLICITATION: 135, ADVERTISEMENT: 136 } as const;

/** The MAC of all hosts, ff02::1. RFC 2464, 7 */
export const ALL_HOSTS = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);

const IPPROTO_ICMPV6 = 58;
const IP_SIZE = 40;

/** Type, code, checksum, flags, and the target. RFC 4861, 4.3 */
const ND_SIZE = 24;

/** Routers lower it, so only a host of the link can send it. RFC 4861, 7.1.1 */
const HOP_LIMIT = 255;

/** ff02::1:ff00:0/104. RFC 4291, 2.7.1 */
const SOLICITED = 0xff0200000000000000000001ff000000n;

/** A message of neighbour discovery, as far as it says who has an address. */
export interface NeighbourMessage {
  readonly isSolicitation: boolean;
  readonly source: Address;
  readonly target: Address;
}

/** Asks who has an address, from "::", so that nobody learns anything from it. RFC 4862, 5.4.2 */
export function encodeSolicitation(target: Address): Uint8Array {
  const bytes = new Uint8Array(IP_SIZE + ND_SIZE);
  const view = new DataView(bytes.buffer);
  const message = bytes.subarray(IP_SIZE);
  bytes.set(encodeAddress(groupOf(target)), 24);
  message.set([ND.SOLICITATION]);
  message.set(encodeAddress(target), 8);
  // The pseudo-header of RFC 8200, 8.1 has the same addresses, length and protocol, in another order: the sum is the same.
  view.setUint16(4, ND_SIZE);
  bytes[7] = IPPROTO_ICMPV6;
  view.setUint16(IP_SIZE + 2, checksum(bytes));
  bytes[0] = 0x60;
  bytes[6] = IPPROTO_ICMPV6;
  bytes[7] = HOP_LIMIT;
  return bytes;
}

/** Reads a solicitation or advertisement in an IPv6 packet; undefined for any other. Its checksum is not compared: a virtual link leaves it out. */
export function decodeNeighbour(packet: Uint8Array): NeighbourMessage | undefined {
  const [type, code] = packet.subarray(IP_SIZE);
  const isWhole = packet.length >= IP_SIZE + ND_SIZE && (packet[0] ?? 0) >> 4 === 6 && packet[6] === IPPROTO_ICMPV6;
  const isNd = type === ND.SOLICITATION || type === ND.ADVERTISEMENT;
  if (!isWhole || !isNd || code !== 0 || packet[7] !== HOP_LIMIT) return undefined;
  return {
    isSolicitation: type === ND.SOLICITATION,
    source: decodeAddress(packet.subarray(8, 24)),
    target: decodeAddress(packet.subarray(IP_SIZE + 8, IP_SIZE + ND_SIZE)),
  };
}

/** The MAC of the group that whoever has an address receives. RFC 2464, 7 */
export function groupMacOf(address: Address): Uint8Array {
  return Uint8Array.of(0x33, 0x33, ...encodeAddress(groupOf(address)).subarray(12));
}

function groupOf({ value }: Address): Address {
  return { family: 6, value: SOLICITED | (value & 0xffffffn) };
}
