import { ADDRESS_BITS, type Address, formatAddress, isSameAddress, offsetAddress, parseAddress } from "./address.ts";

/** An address with the length in bits of its network part. The host bits are kept, as in "10.1.2.5/24". */
export interface Prefix {
  readonly address: Address;
  readonly length: number;
}

/**
 * Reads "address/length" like Go's net.ParseCIDR and keeps the host bits. A dotted mask is not a length. An IPv4-mapped IPv6 prefix of
 * 96 bits or more becomes the IPv4 prefix. Undefined for anything else.
 */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  if (slash === -1) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !/^[0-9]+$/.test(digits)) return undefined;
  const isMapped = address.family === 4 && text.includes(":");
  const length = Number(digits) - (isMapped ? 96 : 0);
  return length >= 0 && length <= ADDRESS_BITS[address.family] ? { address, length } : undefined;
}

/** The canonical text of the prefix, its host bits included. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/** The first address of the prefix's network: all host bits 0. */
export function networkAddress(prefix: Prefix): Address {
  const hostBits = hostBitsOf(prefix);
  return { family: prefix.address.family, value: (prefix.address.value >> hostBits) << hostBits };
}

/** The last address of the prefix's network: all host bits 1. */
export function lastAddress(prefix: Prefix): Address {
  const hosts = (1n << hostBitsOf(prefix)) - 1n;
  return { family: prefix.address.family, value: prefix.address.value | hosts };
}

/** The broadcast address. Undefined for IPv6 and for networks of one or two addresses (RFC 3021). */
export function broadcastAddress(prefix: Prefix): Address | undefined {
  return prefix.address.family === 4 && prefix.length < 31 ? lastAddress(prefix) : undefined;
}

/** The prefix with its host bits cleared. */
export function network(prefix: Prefix): Prefix {
  return { address: networkAddress(prefix), length: prefix.length };
}

/** Whether two prefixes have equal addresses, including the host bits, and equal lengths. */
export function isSamePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && isSameAddress(a.address, b.address);
}

/** Whether the address is of the prefix's family and inside its network. */
export function prefixContains(prefix: Prefix, address: Address): boolean {
  if (prefix.address.family !== address.family) return false;
  const hostBits = hostBitsOf(prefix);
  return prefix.address.value >> hostBits === address.value >> hostBits;
}

/** Whether two prefixes share an address. Host bits do not matter. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return prefixContains(a, b.address) || prefixContains(b, a.address);
}

function hostBitsOf(prefix: Prefix): bigint {
  return BigInt(ADDRESS_BITS[prefix.address.family] - prefix.length);
}

/** The gateway of a subnet that names none: its second address. A subnet of one address has none. */
export function defaultGateway(subnet: Prefix): Address | undefined {
  return isSingle(subnet) ? undefined : offsetAddress(networkAddress(subnet), 1n);
}

/** Whether the subnet could have the gateway among its addresses, and has not. */
export function excludesGateway(subnet: Prefix, gateway: Address): boolean {
  return !isSingle(subnet) && !prefixContains(subnet, gateway);
}

/** Whether the prefix has one address: /32 or /128. */
export function isSingle({ address, length }: Prefix): boolean {
  return length === ADDRESS_BITS[address.family];
}

/** The prefix of an address alone: /32 or /128. */
export function single(address: Address): Prefix {
  return { address, length: ADDRESS_BITS[address.family] };
}
