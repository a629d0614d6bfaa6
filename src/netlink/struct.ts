import { viewOf } from "./bytes.ts";
import { type FixedCodec, fixed } from "./codec.ts";
import { decoderOf, encodeFields, type Fields, type Values } from "./fields.ts";

/** A C struct's members by our names: the offset of each, and how to write it. */
export type Members = Readonly<Record<string, readonly [offset: number, codec: FixedCodec<unknown>]>>;

/** The values of a struct's members. */
export type StructOf<M extends Members> = { readonly [K in keyof M]: ReturnType<M[K][1]["read"]> };

/** How to write and read a C struct. Missing members and undescribed bytes are 0. */
export interface Struct<M extends Members> extends FixedCodec<StructOf<M>> {
  encode(values: Partial<StructOf<M>>): Uint8Array;
  write(view: DataView, offset: number, values: Partial<StructOf<M>>): void;
}

/** The content of a message: a C struct and attributes. */
export interface Payload<H, A> {
  readonly header: H;
  readonly attributes: A;
}

/** A message to the kernel. Members of its header may be left out. */
export type PayloadOf<S, F extends Fields> =
  S extends Struct<infer M> ? Payload<Partial<StructOf<M>>, Values<F>> : never;

/** Defines a C struct of that name and size. A decoded value has the members in the given order. */
export function struct<const M extends Members>(name: string, size: number, members: M): Struct<M> {
  const places = Object.entries(members).map(([member, [at, codec]]) => ({ member, at, codec }));
  return fixed<StructOf<M>>(name, {
    size,
    write: (view, offset, values) => {
      for (const { member, at, codec } of places) {
        const value = values[member];
        if (value !== undefined) codec.write(view, offset + at, value);
      }
    },
    read: (view, offset) => {
      const values: Record<string, unknown> = {};
      for (const { member, at, codec } of places) values[member] = codec.read(view, offset + at);
      return values as StructOf<M>;
    },
  });
}

/** Defines a message by its header and the attributes that we use. `decode` throws RangeError on malformed input. */
export function payload<M extends Members, F extends Fields>(header: Struct<M>, fields: F) {
  const decodeValues = decoderOf(fields);
  return {
    encode: (message: Payload<Partial<StructOf<M>>, Values<F>>): Uint8Array<ArrayBuffer> => {
      const bytes = encodeFields(fields, message.attributes, header.size);
      header.write(viewOf(bytes), 0, message.header);
      return bytes;
    },
    decode: (bytes: Uint8Array): Payload<StructOf<M>, Values<F>> => ({
      header: header.decode(bytes),
      attributes: decodeValues(bytes, header.size),
    }),
  };
}
