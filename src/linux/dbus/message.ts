/** Message types. D-Bus Specification, "Message Format" */
export const MESSAGE_TYPE = { METHOD_CALL: 1, METHOD_RETURN: 2, ERROR: 3 } as const;

/** The flag that keeps the bus from starting the called service. */
const NO_AUTO_START = 0x2;

const PROTOCOL_VERSION = 1;

/** Codes of header fields. D-Bus Specification, "Header Fields" */
const FIELD = {
  PATH: 1,
  INTERFACE: 2,
  MEMBER: 3,
  ERROR_NAME: 4,
  REPLY_SERIAL: 5,
  DESTINATION: 6,
  SIGNATURE: 8,
} as const;

/** The length in bytes of the header's fixed part, including the length of the field array. */
export const PROLOGUE_SIZE = 16;

/** A method call. All its arguments are strings. */
export interface MethodCall {
  readonly serial: number;
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly args: readonly string[];
}

/** The parts of a message that a caller needs. */
export interface Reply {
  readonly type: number;
  /** The serial of the call that this message answers. */
  readonly replySerial: number | undefined;
  readonly errorName: string | undefined;
  /** The first value of its body, if that is a string or a boolean. */
  readonly value: string | boolean | undefined;
}

/** A method call as bytes, little-endian. */
export function encodeCall(call: MethodCall): Uint8Array {
  const body = new Writer();
  for (const arg of call.args) body.string(arg);
  const header = new Writer();
  header.bytes(["l".charCodeAt(0), MESSAGE_TYPE.METHOD_CALL, NO_AUTO_START, PROTOCOL_VERSION]);
  header.uint32(body.length);
  header.uint32(call.serial);
  const fields = new Writer();
  fields.field(FIELD.PATH, "o", call.path);
  fields.field(FIELD.INTERFACE, "s", call.interface);
  fields.field(FIELD.MEMBER, "s", call.member);
  fields.field(FIELD.DESTINATION, "s", call.destination);
  if (call.args.length > 0) fields.field(FIELD.SIGNATURE, "g", "s".repeat(call.args.length));
  header.uint32(fields.length);
  // The array starts at a multiple of 8, so its own alignment is also right within the message.
  header.bytes(fields.content);
  header.align(8);
  return Uint8Array.from([...header.content, ...body.content]);
}

/** The length of the message that starts with these bytes (at least PROLOGUE_SIZE). @throws RangeError if they do not start a message */
export function messageLength(bytes: Uint8Array): number {
  const reader = new Reader(bytes);
  reader.skip(4);
  const body = reader.uint32();
  reader.skip(4);
  const fields = reader.uint32();
  return alignTo(PROLOGUE_SIZE + fields, 8) + body;
}

/** Decodes a whole message. @throws RangeError on malformed input */
export function decodeReply(bytes: Uint8Array): Reply {
  const reader = new Reader(bytes);
  const [, type = 0] = bytes;
  reader.skip(12);
  const end = PROLOGUE_SIZE + reader.uint32();
  const fields = new Map<number, string | number | boolean | undefined>();
  while (reader.offset < end) {
    reader.align(8);
    const code = reader.byte();
    fields.set(code, reader.value(reader.signature()));
  }
  reader.align(8);
  const signature = textOf(fields.get(FIELD.SIGNATURE)) ?? "";
  const value = /^[sb]/.test(signature) ? reader.value(signature.slice(0, 1)) : undefined;
  const replySerial = fields.get(FIELD.REPLY_SERIAL);
  return {
    type,
    replySerial: typeof replySerial === "number" ? replySerial : undefined,
    errorName: textOf(fields.get(FIELD.ERROR_NAME)),
    value: typeof value === "number" ? undefined : value,
  };
}

function textOf(value: string | number | boolean | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function alignTo(offset: number, boundary: number): number {
  return Math.ceil(offset / boundary) * boundary;
}

/** Writes values, each at its alignment. D-Bus Specification, "Summary of D-Bus Marshalling" */
class Writer {
  readonly content: number[] = [];

  get length(): number {
    return this.content.length;
  }

  bytes(bytes: readonly number[]): void {
    this.content.push(...bytes);
  }

  align(boundary: number): void {
    while (this.content.length % boundary !== 0) this.content.push(0);
  }

  uint32(value: number): void {
    this.align(4);
    this.bytes([0, 8, 16, 24].map((shift) => (value >>> shift) & 0xff));
  }

  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.uint32(bytes.length);
    this.bytes([...bytes, 0]);
  }

  signature(text: string): void {
    this.bytes([text.length, ...new TextEncoder().encode(text), 0]);
  }

  /** A struct of a code and a variant. */
  field(code: number, signature: "o" | "s" | "g", value: string): void {
    this.align(8);
    this.bytes([code]);
    this.signature(signature);
    if (signature === "g") this.signature(value);
    else this.string(value);
  }
}

/** Reads values, each at its alignment, in the byte order that the message names. */
class Reader {
  offset = 0;
  readonly #view: DataView;
  readonly #isLittle: boolean;

  constructor(bytes: Uint8Array) {
    const order = String.fromCharCode(bytes[0] ?? 0);
    if (order !== "l" && order !== "B") throw new RangeError("Cannot decode a D-Bus message: it names no byte order");
    this.#isLittle = order === "l";
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  skip(count: number): void {
    this.offset += count;
    if (this.offset > this.#view.byteLength) throw new RangeError("Cannot decode a D-Bus message: cut short");
  }

  align(boundary: number): void {
    this.offset = alignTo(this.offset, boundary);
  }

  byte(): number {
    this.skip(1);
    return this.#view.getUint8(this.offset - 1);
  }

  uint32(): number {
    this.align(4);
    this.skip(4);
    return this.#view.getUint32(this.offset - 4, this.#isLittle);
  }

  signature(): string {
    return this.#text(this.byte());
  }

  /** Reads a value of one of the types used in headers and answers. */
  value(signature: string): string | number | boolean | undefined {
    if (signature === "s" || signature === "o") return this.#text(this.uint32());
    if (signature === "g") return this.signature();
    if (signature === "u") return this.uint32();
    if (signature === "b") return this.uint32() !== 0;
    throw new RangeError(`Cannot decode a D-Bus message: it has a value of type "${signature}"`);
  }

  #text(length: number): string {
    const start = this.#view.byteOffset + this.offset;
    this.skip(length + 1);
    return new TextDecoder().decode(new Uint8Array(this.#view.buffer, start, length));
  }
}
