/** Something that must not be, with what it takes to see it again. */
export interface Finding {
  /** What is wrong, in the same words for the same thing. */
  readonly kind: string;
  /** What was found. */
  readonly text: string;
  /** The calls that led there, in order. */
  readonly calls: readonly string[];
  /** Arguments for `npm run test:faults --` that play it again. */
  readonly repeat: string;
}

/** As it is printed. */
export function formatFinding({ kind, text, calls, repeat }: Finding): string {
  const shown = calls.length > 12 ? ["...", ...calls.slice(-12)] : calls;
  return [`== ${kind} (${repeat})`, text.trimEnd(), ...shown.map((line) => `   ${line}`), ""].join("\n");
}
