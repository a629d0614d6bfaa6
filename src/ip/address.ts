import { formatIpv6, parseIpv6 } from "./ipv6-text.ts";

/** The IP version that an address belongs to. */
export type Family = 4 | 6;

/** An IP address: its family and its value as an unsigned integer of 32 or 128 bits. */
export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** Number of bits in an address of each family. */
export const ADDRESS_BITS = { 4: 32, 6: 128 } as const;

/** High 96 bits of an IPv4-mapped IPv6 address, ::ffff:0:0/96. RFC 4291 section 2.5.5.2 */
const MAPPED_HIGH = 0xffffn;

/**
 * Reads an address like Go's net.ParseIP: no leading zeros in an octet, no zone, no brackets. An IPv4-mapped IPv6 address becomes the
 * IPv4 address. Undefined for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  if (text.includes(":")) {
    const value = parseIpv6(text);
    if (value === undefined) return undefined;
    return value >> 32n === MAPPED_HIGH ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
  }
  return parseIpv4(text);
}

/** The canonical text: dotted decimal, or RFC 5952 (lower case, the first longest run of zero groups collapsed). */
export function formatAddress(address: Address): string {
  if (address.family === 4) return encodeAddress(address).join(".");
  if (address.value >> 32n === MAPPED_HIGH) {
    return `::ffff:${formatAddress({ family: 4, value: address.value & 0xffffffffn })}`;
  }
  return formatIpv6(address.value);
}

/** The address in network byte order, 4 or 16 bytes. */
export function encodeAddress(address: Address): Uint8Array {
  const bytes = new Uint8Array(ADDRESS_BITS[address.family] / 8);
  const view = new DataView(bytes.buffer);
  if (address.family === 4) {
    view.setUint32(0, Number(address.value));
  } else {
    view.setBigUint64(0, address.value >> 64n);
    view.setBigUint64(8, address.value & 0xffffffffffffffffn);
  }
  return bytes;
}

/** Reads an address from 4 or 16 bytes in network order. 16 bytes always give an IPv6 address. @throws RangeError for any other length */
export function decodeAddress(bytes: Uint8Array): Address {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length === 4) return { family: 4, value: BigInt(view.getUint32(0)) };
  if (bytes.length === 16) return { family: 6, value: (view.getBigUint64(0) << 64n) | view.getBigUint64(8) };
  throw new RangeError(`Cannot decode an address of ${bytes.length} bytes: must be 4 or 16`);
}

/** Compares addresses: IPv4 before IPv6, then by value. Returns a negative number, zero or a positive number. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.value === b.value) return 0;
  return a.value < b.value ? -1 : 1;
}

/** Whether two addresses have one family and one value. */
export function isSameAddress(a: Address, b: Address): boolean {
  return a.family === b.family && a.value === b.value;
}

/** The address `by` steps after this one, or before it if negative. @throws RangeError beyond either end of the family */
export function offsetAddress(address: Address, by: bigint): Address {
  const value = address.value + by;
  // The bits beyond the family: 0, -1 of a negative value.
  if (value >> BigInt(ADDRESS_BITS[address.family]) !== 0n) {
    throw new RangeError(`Cannot move ${formatAddress(address)} by ${by}: no such IPv${address.family} address`);
  }
  return { family: address.family, value };
}

/** Whether the address is in 169.254.0.0/16 or fe80::/10. */
export function isLinkLocal({ family, value }: Address): boolean {
  return family === 4 ? value >> 16n === 0xa9fen : value >> 118n === 0xfe80n >> 6n;
}

/** Whether the address is 0.0.0.0 or ::, which stand for none or for any. */
export function isUnspecified({ value }: Address): boolean {
  return value === 0n;
}

/** Whether the address is in 127.0.0.0/8 or is ::1. */
export function isLoopback({ family, value }: Address): boolean {
  return family === 4 ? value >> 24n === 127n : value === 1n;
}

/** Four octets without leading zeros. */
function parseIpv4(text: string): Address | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  let value = 0;
  for (const octet of octets) {
    const number = Number(octet);
    if (!(number >= 0 && number <= 255) || String(number) !== octet) return undefined;
    value = value * 256 + number;
  }
  return { family: 4, value: BigInt(value) };
}
