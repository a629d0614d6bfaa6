import type { Address } from "../ip/address.ts";
import { decodeAddress, encodeAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { decodeMac, encodeMac } from "../ip/mac.ts";
import { viewOf, viewOfStruct } from "./bytes.ts";

/** How to write and read one attribute's value. `decode` throws RangeError if the value is too short. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
  /** Whether the attribute is sent with NLA_F_NESTED. */
  readonly nested?: boolean;
}

/** A value of fixed size, which can be a member of a C struct. */
export interface FixedCodec<T> extends Codec<T> {
  readonly size: number;
  write(view: DataView, offset: number, value: T): void;
  read(view: DataView, offset: number): T;
}

/** Numbers in host byte order, which is little-endian on all supported machines. */
export const u8 = number<number>(
  1,
  (view, at, n) => view.setUint8(at, n),
  (view, at) => view.getUint8(at),
);
export const u16 = number<number>(
  2,
  (view, at, n) => view.setUint16(at, n, true),
  (view, at) => view.getUint16(at, true),
);
export const i16 = number<number>(
  2,
  (view, at, n) => view.setInt16(at, n, true),
  (view, at) => view.getInt16(at, true),
);
export const u32 = number<number>(
  4,
  (view, at, n) => view.setUint32(at, n, true),
  (view, at) => view.getUint32(at, true),
);
export const i32 = number<number>(
  4,
  (view, at, n) => view.setInt32(at, n, true),
  (view, at) => view.getInt32(at, true),
);
export const u64 = number<bigint>(
  8,
  (view, at, n) => view.setBigUint64(at, n, true),
  (view, at) => view.getBigUint64(at, true),
);

/** Numbers in network byte order, as netfilter needs them. */
export const u16be = number<number>(
  2,
  (view, at, n) => view.setUint16(at, n),
  (view, at) => view.getUint16(at),
);
export const u32be = number<number>(
  4,
  (view, at, n) => view.setUint32(at, n),
  (view, at) => view.getUint32(at),
);
export const i32be = number<number>(
  4,
  (view, at, n) => view.setInt32(at, n),
  (view, at) => view.getInt32(at),
);
export const u64be = number<bigint>(
  8,
  (view, at, n) => view.setBigUint64(at, n),
  (view, at) => view.getBigUint64(at),
);

/** UTF-8 text with a NUL at its end. */
export const text: Codec<string> = {
  encode: (value) => new TextEncoder().encode(`${value}\0`),
  decode: (bytes) => {
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
  },
};

/** Unchanged bytes. */
export const raw: Codec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes };

/** A link-layer address of any length. An empty one is "". */
export const mac: Codec<Mac> = { encode: encodeMac, decode: (bytes) => (bytes.length === 0 ? "" : decodeMac(bytes)) };

/** An IP address of either family. */
export const address: Codec<Address> = { encode: encodeAddress, decode: decodeAddress };

/** A value of `size` bytes, by the functions that write it into a view and read it. `what` names it in errors. */
export function fixed<T>(what: string, { size, write, read }: Omit<FixedCodec<T>, keyof Codec<T>>): FixedCodec<T> {
  return {
    size,
    write,
    read,
    encode: (value) => {
      const bytes = new Uint8Array(size);
      write(viewOf(bytes), 0, value);
      return bytes;
    },
    decode: (bytes) => read(viewOfStruct(bytes, what, size), 0),
  };
}

function number<T>(size: number, write: FixedCodec<T>["write"], read: FixedCodec<T>["read"]): FixedCodec<T> {
  return fixed("a number", { size, write, read });
}
