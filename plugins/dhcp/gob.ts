import type { Request } from "../../src/cni/request.ts";
import { concat } from "../../src/platform/bytes.ts";

// Go's gob: the one request that a client of the Go plugins' daemon has to send, and the error in its answer. https://pkg.go.dev/encoding/gob

/** Types of values, as numbers: the first one that a program defines is 64. A negative number says that a definition follows. */
const FIRST_TYPE = 64;

/** The kinds of fields that a definition names. */
const KIND = { UINT: 3, BYTES: 5, STRING: 6 } as const;

/** A call of DHCP.Release for an attachment. */
export function encodeRelease({ containerId, netns, ifname, args, path, stdin }: Request): Uint8Array {
  const texts = [containerId, netns, ifname, args, path.join(":"), ""];
  const header = defineStruct(FIRST_TYPE, "Request", [
    ["ServiceMethod", KIND.STRING],
    ["Seq", KIND.UINT],
  ]);
  const names = ["ContainerID", "Netns", "IfName", "Args", "Path", "NetnsOverride"];
  const body = defineStruct(FIRST_TYPE + 1, "CmdArgs", [
    ...names.map((name) => [name, KIND.STRING] as const),
    ["StdinData", KIND.BYTES],
  ]);
  const values = [...texts.map((text) => new TextEncoder().encode(text)), stdin];
  return concat([
    ...[header, message(int(FIRST_TYPE), fields([new TextEncoder().encode("DHCP.Release")]))],
    ...[body, message(int(FIRST_TYPE + 1), fields(values))],
  ]);
}

/** The error in an answer, "" if there is none. Undefined until the answer is whole. @throws RangeError if it is none */
export function decodeError(bytes: Uint8Array): { readonly error: string } | undefined {
  for (let at = 0; ; ) {
    const length = readUint(bytes, at);
    if (length === undefined || length.next + length.value > bytes.length) return undefined;
    const content = bytes.subarray(length.next, length.next + length.value);
    const type = readUint(content, 0);
    // An odd number is a negative one.
    if (type !== undefined && type.value % 2 === 0) return { error: readError(content, type.next) };
    at = length.next + length.value;
  }
}

/** The fields of Response: ServiceMethod, Seq, Error. Each has its distance to the one before; those that are empty are left out. */
function readError(content: Uint8Array, start: number): string {
  let field = 0;
  for (let at = start; ; ) {
    const distance = readUint(content, at);
    if (distance === undefined) throw new RangeError("Cannot decode the answer of a DHCP daemon: it is cut");
    if (distance.value === 0) return "";
    field += distance.value;
    const value = readUint(content, distance.next);
    if (value === undefined || field > 3) throw new RangeError("Cannot decode the answer of a DHCP daemon");
    const isNumber = field === 2;
    const end = isNumber ? value.next : value.next + value.value;
    if (field === 3) return new TextDecoder().decode(content.subarray(value.next, end));
    at = end;
  }
}

/** The definition of a struct with that number: the message that comes before its first value. */
function defineStruct(
  id: number,
  name: string,
  members: readonly (readonly [name: string, kind: number])[],
): Uint8Array {
  const described = members.map(([member, kind]) =>
    concat([Uint8Array.of(1), text(member), Uint8Array.of(1), int(kind), END]),
  );
  // wireType{StructT: structType{CommonType{Name, Id}, Field: …}}
  const common = concat([Uint8Array.of(1), text(name), Uint8Array.of(1), int(id), END]);
  return message(int(-id), Uint8Array.of(3, 1), common, Uint8Array.of(1), uint(members.length), ...described, END, END);
}

/** The end of a struct. */
const END = Uint8Array.of(0);

/** A struct of texts and bytes, without the empty ones. */
function fields(values: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let last = -1;
  for (const [index, value] of values.entries()) {
    if (value.length === 0) continue;
    parts.push(uint(index - last), uint(value.length), value);
    last = index;
  }
  return concat([...parts, END]);
}

function message(...parts: readonly Uint8Array[]): Uint8Array {
  const content = concat([...parts]);
  return concat([uint(content.length), content]);
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return concat([uint(bytes.length), bytes]);
}

/** A signed number: the sign is the lowest bit. */
function int(value: number): Uint8Array {
  return uint(value < 0 ? (-value - 1) * 2 + 1 : value * 2);
}

/** A number up to 127 is one byte. A larger one has the negative count of its bytes before it. */
function uint(value: number): Uint8Array {
  if (value < 128) return Uint8Array.of(value);
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.of(256 - bytes.length, ...bytes);
}

function readUint(bytes: Uint8Array, at: number): { readonly value: number; readonly next: number } | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 128) return { value: first, next: at + 1 };
  const count = 256 - first;
  if (count > 6) throw new RangeError("Cannot decode the answer of a DHCP daemon: a number is too long");
  if (at + 1 + count > bytes.length) return undefined;
  const value = bytes.subarray(at + 1, at + 1 + count).reduce((sum, byte) => sum * 256 + byte, 0);
  return { value, next: at + 1 + count };
}
