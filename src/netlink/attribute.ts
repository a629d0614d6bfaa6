import { align, viewOf } from "./bytes.ts";

/** One attribute, struct nlattr: its type without flags, its value, and whether it is marked as holding attributes. */
export interface Attribute {
  readonly type: number;
  readonly value: Uint8Array;
  readonly nested?: boolean;
}

/** Flags in an attribute's type. <linux/netlink.h> */
const NLA_F = { NESTED: 0x8000, NET_BYTEORDER: 0x4000 } as const;

/** sizeof(struct nlattr): u16 length, u16 type. <linux/netlink.h> */
const HEADER_SIZE = 4;

/** The attributes one behind the other, each padded to 4 bytes. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const { value } of attributes) size += align(HEADER_SIZE + value.length);
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  let offset = 0;
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

/** The attributes in a message behind its header, or in a nested attribute. @throws RangeError when one runs past the end */
export function decodeAttributes(bytes: Uint8Array): readonly Attribute[] {
  const view = viewOf(bytes);
  const attributes: Attribute[] = [];
  for (let offset = 0; offset + HEADER_SIZE <= bytes.length; ) {
    const length = view.getUint16(offset, true);
    const flagged = view.getUint16(offset + 2, true);
    const type = flagged & ~(NLA_F.NESTED | NLA_F.NET_BYTEORDER);
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
