import type { Random } from "./random.ts";

/** Numbers at which lengths and types change their meaning. */
const EDGES = [0, 1, 3, 4, 7, 8, 15, 16, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0xffffffff];

/** Bytes that are one change away from these, of which there is one at least: flipped, cut, doubled, put in, or a number in another's place. */
export function mutateBytes(random: Random, bytes: Uint8Array, others: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const length = random.below(Math.min(64, bytes.length - at + 1));
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
  switch (random.below(8)) {
    case 0:
      return join(
        before,
        part.map(() => random.below(256)),
        after,
      );
    case 1:
      return join(before);
    case 2:
      return join(before, after);
    case 3:
      return join(before, ...Array.from({ length: 1 + random.below(4) }, () => part), after);
    case 4:
      return join(
        before,
        Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256)),
        part,
        after,
      );
    case 5:
      return splice(before, random.pick(others), random);
    case 6:
      return replaceNumber(random, bytes);
    default:
      return join(
        before,
        part.map((byte) => byte ^ (1 << random.below(8))),
        after,
      );
  }
}

function splice(before: Uint8Array, other: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  return join(before, other.subarray(random.below(other.length + 1)));
}

/** Lengths stand at multiples of 2, in either byte order. */
function replaceNumber(random: Random, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const changed = join(bytes);
  const view = new DataView(changed.buffer);
  const size = random.pick([1, 2, 4]);
  const offset = 2 * random.below(Math.floor(bytes.length / 2) + 1);
  if (offset + size > bytes.length) return changed;
  const value = random.pick(EDGES) + random.pick([0, 0, 1, -1]);
  if (size === 1) view.setUint8(offset, value);
  else if (size === 2) view.setUint16(offset, value, random.chance(0.7));
  else view.setUint32(offset, value, random.chance(0.7));
  return changed;
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Text with some bytes changed. */
export function byteMutations(random: Random, text: string | Uint8Array): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(Buffer.from(text));
  for (let count = 1 + random.below(3); count > 0; count--) bytes = mutateBytes(random, bytes, [bytes]);
  return bytes;
}
