import { decodeAddress, formatAddress } from "../../ip/address.ts";
import { decodeMac } from "../../ip/mac.ts";
import { align } from "../../netlink/bytes.ts";
import { type Codec, text, u32 } from "../../netlink/codec.ts";
import { concat } from "../../platform/bytes.ts";

/** enum byteorder, nftables' include/datatype.h */
const BYTEORDER = { INVALID: 0, HOST_ENDIAN: 1, BIG_ENDIAN: 2 } as const;

/** IFNAMSIZ: bytes of an interface's name, including the NULs at its end. <linux/if.h> */
const IFNAMSIZ = 16;

/** Formats a value for people. */
type Format = (bytes: Uint8Array) => string;

const ip: Format = (bytes) => formatAddress(decodeAddress(bytes));
const number: Format = (bytes) => String(bytes.reduce((value, byte) => value * 0x100 + byte, 0));
const hostNumber: Format = (bytes) => number(bytes.toReversed());

/** An interface's name in registers and keys. */
export const ifname: Codec<string> = {
  encode: (name) => {
    const bytes = new Uint8Array(IFNAMSIZ);
    new TextEncoder().encodeInto(name, bytes);
    return bytes;
  },
  decode: (bytes) => text.decode(bytes),
};

const { INVALID, HOST_ENDIAN, BIG_ENDIAN } = BYTEORDER;

/**
 * The value types of the nft tool, with the number that tells the tool how to print a value, and the size of a value in bytes. The
 * kernel only stores the number. enum datatypes, nftables' include/datatype.h
 */
const DATATYPE = {
  nf_proto: { number: 2, size: 1, byteorder: HOST_ENDIAN, format: number },
  ipv4_addr: { number: 7, size: 4, byteorder: BIG_ENDIAN, format: ip },
  ipv6_addr: { number: 8, size: 16, byteorder: BIG_ENDIAN, format: ip },
  ether_addr: { number: 9, size: 6, byteorder: BIG_ENDIAN, format: decodeMac },
  ether_type: { number: 10, size: 2, byteorder: BIG_ENDIAN, format: number },
  arp_op: { number: 11, size: 2, byteorder: BIG_ENDIAN, format: number },
  inet_proto: { number: 12, size: 1, byteorder: INVALID, format: number },
  inet_service: { number: 13, size: 2, byteorder: BIG_ENDIAN, format: number },
  mark: { number: 19, size: 4, byteorder: HOST_ENDIAN, format: hostNumber },
  iface_index: { number: 20, size: 4, byteorder: HOST_ENDIAN, format: hostNumber },
  ct_state: { number: 26, size: 4, byteorder: HOST_ENDIAN, format: hostNumber },
  ct_dir: { number: 27, size: 1, byteorder: INVALID, format: number },
  ct_status: { number: 28, size: 4, byteorder: HOST_ENDIAN, format: hostNumber },
  icmpv6_type: { number: 29, size: 1, byteorder: BIG_ENDIAN, format: number },
  fib_addrtype: { number: 38, size: 4, byteorder: HOST_ENDIAN, format: hostNumber },
  ifname: { number: 41, size: IFNAMSIZ, byteorder: HOST_ENDIAN, format: ifname.decode },
} as const;

/** The nft tool's name of a value type. */
export type Datatype = keyof typeof DATATYPE;

/** TYPE_BITS: the bits of each type in the number of a concatenation. nftables' include/datatype.h */
const TYPE_BITS = 6;

/** The type of a set's keys or data: one type, or several like `ipv4_addr . inet_service`. */
export interface KeyType {
  readonly number: number;
  /** In bytes. */
  readonly size: number;
  /** As the set's user data stores it. */
  readonly byteorder: Uint8Array;
}

/** The type of one value, or of a concatenation. */
export function keyType(types: readonly Datatype[]): KeyType {
  const parts = types.map((type) => DATATYPE[type]);
  const [first] = parts;
  const isAlone = parts.length === 1;
  return {
    number: parts.reduce((number, part) => number * 2 ** TYPE_BITS + part.number, 0),
    size: isAlone ? (first?.size ?? 0) : parts.reduce((size, part) => size + align(part.size), 0),
    byteorder: u32.encode(isAlone ? (first?.byteorder ?? BYTEORDER.INVALID) : BYTEORDER.INVALID),
  };
}

/** The byte order of verdicts, which have none. */
export const NO_BYTEORDER = u32.encode(BYTEORDER.INVALID);

/** A key or data of several parts. Each part is padded to whole registers of 4 bytes. A single part is not padded. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  return concat(parts.flatMap((part) => [part, new Uint8Array(align(part.length) - part.length)]));
}

/** Splits a concatenated key or data into its parts. @throws RangeError if it is shorter than the types require */
export function split(bytes: Uint8Array, types: readonly Datatype[]): readonly Uint8Array[] {
  const { size } = keyType(types);
  if (bytes.length < size) throw new RangeError(`Cannot split ${bytes.length} bytes: ${types.join(" . ")} has ${size}`);
  let offset = 0;
  return types.map((type) => {
    const part = bytes.subarray(offset, offset + DATATYPE[type].size);
    offset += align(part.length);
    return part;
  });
}

/** A key or data as text for people, like `veth1 . 02:00:00:00:00:01`. @throws RangeError if it is shorter than the types require */
export function formatKey(bytes: Uint8Array, types: readonly Datatype[]): string {
  const parts = split(bytes, types);
  return types.map((type, index) => DATATYPE[type].format(parts[index] ?? bytes)).join(" . ");
}
