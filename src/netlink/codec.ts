import type { Address } from "../ip/address.ts";
import { decodeAddress, encodeAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeMac, encodeMac } from "../ip/mac.ts";
import { viewOf, viewOfStruct } from "./bytes.ts";

/** How one attribute's value is written and read. `decode` throws RangeError on a value that is too short. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
  /** Whether the attribute is marked NLA_F_NESTED when it is sent. */
  readonly nested?: boolean;
}

/** Numbers in the machine's byte order, which is little-endian on all that we run on. */
export const u8: Codec<number> = number(
  1,
  (view, value) => view.setUint8(0, value),
  (view) => view.getUint8(0),
);
export const u16: Codec<number> = number(
  2,
  (view, n) => view.setUint16(0, n, true),
  (view) => view.getUint16(0, true),
);
export const u32: Codec<number> = number(
  4,
  (view, n) => view.setUint32(0, n, true),
  (view) => view.getUint32(0, true),
);
export const i32: Codec<number> = number(
  4,
  (view, n) => view.setInt32(0, n, true),
  (view) => view.getInt32(0, true),
);
export const u64: Codec<bigint> = number(
  8,
  (v, n) => v.setBigUint64(0, n, true),
  (v) => v.getBigUint64(0, true),
);

/** Numbers in network byte order, as netfilter wants them. */
export const u16be: Codec<number> = number(
  2,
  (view, n) => view.setUint16(0, n),
  (view) => view.getUint16(0),
);
export const u32be: Codec<number> = number(
  4,
  (view, n) => view.setUint32(0, n),
  (view) => view.getUint32(0),
);
export const i32be: Codec<number> = number(
  4,
  (view, n) => view.setInt32(0, n),
  (view) => view.getInt32(0),
);
export const u64be: Codec<bigint> = number(
  8,
  (view, n) => view.setBigUint64(0, n),
  (view) => view.getBigUint64(0),
);

/** Text in UTF-8 with a NUL byte at its end. */
export const text: Codec<string> = {
  encode: (value) => new TextEncoder().encode(`${value}\0`),
  decode: (bytes) => {
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
  },
};

/** Bytes as they are. */
export const raw: Codec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes };

/** A link-layer address of any length; one without bytes is "". */
export const mac: Codec<Mac> = { encode: encodeMac, decode: (bytes) => (bytes.length === 0 ? "" : decodeMac(bytes)) };

/** An IP address of either family. */
export const address: Codec<Address> = { encode: encodeAddress, decode: decodeAddress };

function number<T>(size: number, set: (view: DataView, value: T) => void, get: (view: DataView) => T): Codec<T> {
  return {
    encode: (value) => {
      const bytes = new Uint8Array(size);
      set(viewOf(bytes), value);
      return bytes;
    },
    decode: (bytes) => get(viewOfStruct(bytes, "a number", size)),
  };
}
