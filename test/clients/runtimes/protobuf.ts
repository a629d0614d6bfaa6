// The wire format of protocol buffers, as much of it as the container runtime interface uses. <https://protobuf.dev/programming-guides/encoding/>

/** How a field's value follows its number. */
const WIRE = { VARINT: 0, LENGTH: 2 } as const;

/** A field's value: a number, a text, a message, or several of them. `undefined` is not sent. */
export type Value = number | boolean | string | Buffer | readonly Value[] | undefined;

/** Encodes a message from its fields' values by number. */
export function encode(fields: Readonly<Record<number, Value>>): Buffer {
  return Buffer.concat(Object.entries(fields).map(([number, value]) => encodeField(Number(number), value)));
}

/** A decoded message: each field's values in order, texts and messages as bytes. */
export class Message {
  readonly #fields = new Map<number, (number | Buffer)[]>();

  /** @throws Error where the bytes end early, or have a wire type that is not in use */
  static decode(bytes: Buffer): Message {
    const message = new Message();
    for (let at = 0; at < bytes.length; ) {
      const key = readVarint(bytes, at);
      const value = readVarint(bytes, key.end);
      const isLength = (key.value & 7) === WIRE.LENGTH;
      if (!isLength && (key.value & 7) !== WIRE.VARINT) throw new Error(`Cannot decode wire type ${key.value & 7}`);
      at = value.end + (isLength ? value.value : 0);
      if (at > bytes.length) throw new Error("Cannot decode a message: it ends within a field");
      message.#add(key.value >>> 3, isLength ? bytes.subarray(value.end, at) : value.value);
    }
    return message;
  }

  /** A number, 0 where it was not sent. */
  number(field: number): number {
    const [value = 0] = this.#fields.get(field) ?? [];
    return Number(value);
  }

  text(field: number): string {
    return this.#bytes(field)[0]?.toString() ?? "";
  }

  message(field: number): Message {
    return Message.decode(this.#bytes(field)[0] ?? Buffer.alloc(0));
  }

  messages(field: number): Message[] {
    return this.#bytes(field).map((bytes) => Message.decode(bytes));
  }

  #bytes(field: number): Buffer[] {
    return (this.#fields.get(field) ?? []).filter((value) => typeof value !== "number");
  }

  #add(field: number, value: number | Buffer): void {
    this.#fields.set(field, [...(this.#fields.get(field) ?? []), value]);
  }
}

function encodeField(number: number, value: Value): Buffer {
  if (value === undefined) return Buffer.alloc(0);
  if (typeof value === "number" || typeof value === "boolean")
    return Buffer.concat([varint((number << 3) | WIRE.VARINT), varint(Number(value))]);
  if (typeof value === "string" || Buffer.isBuffer(value)) {
    const bytes = Buffer.from(value);
    return Buffer.concat([varint((number << 3) | WIRE.LENGTH), varint(bytes.length), bytes]);
  }
  return Buffer.concat(value.map((each) => encodeField(number, each)));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function readVarint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  for (let end = start, factor = 1; end < bytes.length; factor *= 128) {
    const byte = bytes[end++] ?? 0;
    value += (byte & 127) * factor;
    if (byte < 128) return { value, end };
  }
  throw new Error("Cannot decode a message: it ends within a number");
}
