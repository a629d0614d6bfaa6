/** Something that must not be, with what it takes to see it again: `npm run fuzz -- --seed SEED --only NUMBER`. */
export interface Finding {
  /** What is wrong, in the same words for the same thing. */
  readonly kind: string;
  readonly seed: number;
  readonly number: number;
  /** What was found. */
  readonly text: string;
  /** What it was found with, in order. */
  readonly input: readonly string[];
}

/** As it is printed. */
export function formatFinding({ kind, seed, number, text, input }: Finding): string {
  return [`== ${kind} (seed ${seed}, number ${number})`, text.trimEnd(), ...input.map((line) => `   ${line}`), ""].join(
    "\n",
  );
}
