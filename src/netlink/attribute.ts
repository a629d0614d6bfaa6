import { align, viewOf } from "./bytes.ts";

/** One attribute, struct nlattr: its type without flags, its value, and whether it is marked as holding attributes. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
  readonly nested?: boolean;
}

/** Where an attribute's value goes, and how it is read. */
export interface KnownAttribute {
  readonly name: string;
  readonly codec: { decode(bytes: Uint8Array): unknown };
}

/** A flag in an attribute's type. <linux/netlink.h> */
const NLA_F = { NESTED: 0x8000 } as const;

/** What is left of a type without its flags, NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE_MASK = 0x3fff;

/** sizeof(struct nlattr): u16 length, u16 type. <linux/netlink.h> */
const HEADER_SIZE = 4;

/** The attributes one behind the other, each padded to 4 bytes, behind so many bytes of room for a header. */
export function encodeAttributes(attributes: readonly Attribute[], room = 0): Uint8Array<ArrayBuffer> {
  let size = room;
  for (const { value } of attributes) size += align(HEADER_SIZE + value.length);
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  let offset = room;
  for (const { type, value, nested } of attributes) {
    const length = HEADER_SIZE + value.length;
    if (length > 0xffff)
      throw new RangeError(`Cannot encode attribute ${type}: length ${length}, must be at most 65535`);
    view.setUint16(offset, length, true);
    view.setUint16(offset + 2, type | (nested ? NLA_F.NESTED : 0), true);
    bytes.set(value, offset + HEADER_SIZE);
    offset += align(length);
  }
  return bytes;
}

/** The attributes in a message from `start` on, behind its header, or in a nested attribute. @throws RangeError when one runs past the end */
export function decodeAttributes(bytes: Uint8Array, start = 0): readonly Attribute[] {
  const view = viewOf(bytes);
  const attributes: Attribute[] = [];
  for (let offset = start; offset + HEADER_SIZE <= bytes.length; ) {
    const length = view.getUint16(offset, true);
    const flagged = view.getUint16(offset + 2, true);
    const type = flagged & TYPE_MASK;
    if (length < HEADER_SIZE || offset + length > bytes.length) {
      throw new RangeError(
        `Cannot decode attribute ${flagged}: length ${length}, but ${bytes.length - offset} bytes are left`,
      );
    }
    const value = bytes.subarray(offset + HEADER_SIZE, offset + length);
    attributes.push((flagged & NLA_F.NESTED) === 0 ? { type, value } : { type, value, nested: true });
    offset += align(length);
  }
  return attributes;
}

/**
 * Puts the attributes from `start` on into `values`: those whose types `known` has a place for, by what is there. The others are passed over
 * without an object for each, which is most of what the kernel tells of a link. Returns how many those are. @throws RangeError as decodeAttributes()
 */
export function takeAttributes(
  { bytes, start }: { readonly bytes: Uint8Array; readonly start: number },
  known: readonly (KnownAttribute | undefined)[],
  values: Record<string, unknown>,
): number {
  const view = viewOf(bytes);
  let passed = 0;
  for (let offset = start; offset + HEADER_SIZE <= bytes.length; ) {
    const length = view.getUint16(offset, true);
    if (length < HEADER_SIZE || offset + length > bytes.length) decodeAttributes(bytes, offset);
    const place = known[view.getUint16(offset + 2, true) & TYPE_MASK];
    if (place === undefined) passed++;
    else values[place.name] = place.codec.decode(bytes.subarray(offset + HEADER_SIZE, offset + length));
    offset += align(length);
  }
  return passed;
}
