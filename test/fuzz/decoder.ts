/** A reader of bytes, what it is meant to read, and which errors it promises for anything else. */
export interface Decoder {
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly samples: readonly Uint8Array[];
  readonly refuses: (error: unknown) => boolean;
}

export type Decoders = Readonly<Record<string, Decoder>>;

/** Decoders that have all but their function in common. */
export function decoders(
  functions: Readonly<Record<string, (bytes: Uint8Array) => unknown>>,
  rest: Omit<Decoder, "decode">,
): Decoders {
  return Object.fromEntries(Object.entries(functions).map(([name, decode]) => [name, { decode, ...rest }]));
}
