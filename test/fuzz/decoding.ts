// Puts changed bytes into every decoder: node decoding.ts SEED FIRST LAST PROGRESS. The number of the input that it is at stands in the file
// PROGRESS, so that a loop without end is seen from outside.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { binaryDecoders } from "./binary-decoders.ts";
import { mutateBytes } from "./byte-mutation.ts";
import type { Decoder } from "./decoder.ts";
import type { Finding } from "./finding.ts";
import { Random } from "./random.ts";
import { textDecoders } from "./text-decoders.ts";

/** A decoder that takes longer than this, in milliseconds, for some kilobytes does so for some reason. */
const SLOW = 1000;

const [seed = 0, first = 0, last = 0] = process.argv.slice(2, 5).map(Number);
const progress = fs.openSync(process.argv[5] ?? "", "r+");
const at = new Int32Array(1);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "fuzz-decoders-"));
try {
  const all = Object.entries({ ...binaryDecoders(), ...textDecoders(folder) });
  for (let number = first; number < last; number++) {
    at[0] = number;
    fs.writeSync(progress, at, 0, 4, 0);
    const [name, decoder] = all[number % all.length] as [string, Decoder];
    const finding = examine(name, decoder, number);
    if (finding !== undefined) process.send?.(finding);
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true });
  process.disconnect?.();
}

function examine(name: string, { decode, samples, refuses }: Decoder, number: number): Finding | undefined {
  const random = new Random(seed, number);
  let bytes: Uint8Array = random.pick(samples);
  for (let count = 1 + random.below(4); count > 0; count--) bytes = mutateBytes(random, bytes, samples);
  if (random.chance(0.01)) bytes = repeat(random, bytes);
  const report = (kind: string, text: string): Finding => {
    const input = Buffer.from(bytes).toString("base64");
    return {
      kind: `${name}: ${kind}`,
      seed,
      number,
      text,
      input: [`${bytes.length} bytes, base64: ${input.slice(0, 4000)}`],
    };
  };
  const start = performance.now();
  try {
    decode(bytes);
  } catch (error) {
    if (!refuses(error))
      return report("another error than promised", error instanceof Error ? `${error.stack}` : String(error));
  }
  const taken = performance.now() - start;
  return taken > SLOW ? report("slow", `${Math.round(taken)} ms`) : undefined;
}

/** So long that a step more than linear shows. */
function repeat(random: Random, bytes: Uint8Array): Uint8Array {
  const start = random.below(bytes.length + 1);
  const part = bytes.subarray(start, start + 1 + random.below(16));
  const middle = new Uint8Array(60_000).map((_, i) => part[i % Math.max(1, part.length)] ?? 0x20);
  return Uint8Array.from([...bytes.subarray(0, start), ...middle, ...bytes.subarray(start)]);
}
