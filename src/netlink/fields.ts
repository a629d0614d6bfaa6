import type { Attribute, KnownAttribute } from "./attribute.ts";
import { decodeAttributes, encodeAttributes, takeAttributes } from "./attribute.ts";
import type { Codec } from "./codec.ts";

/** A kernel object's attributes by our names: the type of each, and how to write its value. */
export type Fields = Readonly<Record<string, readonly [type: number, codec: Codec<unknown>]>>;

type ValueOf<F> = F extends readonly [number, { decode(bytes: Uint8Array): infer T }] ? T : never;

/** The values of an object's attributes. `unknown` has the attributes from the kernel without a name here, in their order. */
export type Values<F extends Fields> = { readonly [K in keyof F]?: ValueOf<F[K]> | undefined } & {
  readonly unknown?: readonly Attribute[];
};

/**
 * The attributes of an object, in the order of its properties with `unknown` last, after `room` bytes for a header. Undefined ones are
 * left out.
 */
export function encodeFields<F extends Fields>(fields: F, values: Values<F>, room = 0): Uint8Array<ArrayBuffer> {
  const attributes: Attribute[] = [];
  for (const [name, value] of Object.entries(values)) {
    const field = fields[name];
    if (field === undefined || value === undefined) continue;
    const [type, codec] = field;
    const bytes = codec.encode(value);
    attributes.push(codec.nested === true ? { type, value: bytes, nested: true } : { type, value: bytes });
  }
  return encodeAttributes(values.unknown === undefined ? attributes : [...attributes, ...values.unknown], room);
}

/** Reads an object from its attributes, from `start` on. Its properties have the order of the attributes. */
export type Decoder<F extends Fields> = (bytes: Uint8Array, start?: number) => Values<F>;

/**
 * Defines how objects with these attributes are read. Where a module calls it when it is loaded, the native image starts with its result.
 * The decoder throws RangeError on malformed input.
 */
export function decoderOf<F extends Fields>(fields: F): Decoder<F> {
  const known: KnownAttribute[] = [];
  for (const [name, [type, codec]] of Object.entries(fields)) known[type] = { name, codec };
  return (bytes, start = 0) => {
    const values: Record<string, unknown> = {};
    const passed = takeAttributes({ bytes, start }, known, values);
    if (passed > 0)
      showWhenRead(values, "unknown", () => decodeAttributes(bytes, start).filter(({ type }) => !(type in known)));
    return values as Values<F>;
  };
}

/** An attribute that contains attributes. `marked` is false for older ones that the rtnetlink tools send without NLA_F_NESTED. */
export function nest<F extends Fields>(fields: F, marked = true): Codec<Values<F>> {
  const decode = decoderOf(fields);
  return {
    encode: (values) => encodeFields(fields, values),
    // Without `start`: lists call this with an index.
    decode: (bytes) => decode(bytes),
    nested: marked,
  };
}

function showWhenRead(object: object, name: string, get: () => unknown): void {
  Object.defineProperty(object, name, { enumerable: true, configurable: true, get });
}
