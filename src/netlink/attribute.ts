import { align, viewOf } from "./bytes.ts";

/** One attribute, struct nlattr: its type without flags, its value, and whether its nested flag is set. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
  readonly nested?: boolean;
}

/** The place to store an attribute's value, and how to read the value. */
export interface KnownAttribute {
  readonly name: string;
  readonly codec: { decode(bytes: Uint8Array): unknown };
}

/** A flag in an attribute's type. <linux/netlink.h> */
const NLA_F = { NESTED: 0x8000 } as const;

/** The bits of a type without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE_MASK = 0x3fff;

/** sizeof(struct nlattr): u16 length, u16 type. <linux/netlink.h> */
const HEADER_SIZE = 4;

/** The attributes one after another, each padded to 4 bytes, after `room` bytes for a header. */
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

/** The attributes in a message, from `start` after its header, or in a nested attribute. @throws RangeError if one exceeds the end */
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
 * Reads the attributes from `start` on into `values` if `known` has their types. It skips others without creating an object; these are
 * most of what the kernel sends about a link. Returns the number of skipped attributes. @throws RangeError if an attribute exceeds the
 * end
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
