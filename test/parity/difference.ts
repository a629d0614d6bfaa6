/** One place where two values differ. `path` is the keys down to it, with spaces between. */
export interface Difference {
  readonly path: string;
  readonly reference: unknown;
  readonly ours: unknown;
}

/** A difference that is meant, wherever `path` matches: what each side shows there, and why. */
export interface Departure {
  readonly path: RegExp;
  /** Left out: any value. */
  readonly reference?: unknown;
  readonly ours?: unknown;
  readonly reason: string;
}

/** Every leaf in which the two differ. */
export function* differences(reference: unknown, ours: unknown, path = ""): Generator<Difference> {
  if (isBranch(reference) && isBranch(ours) && Array.isArray(reference) === Array.isArray(ours)) {
    const left = new Map(Object.entries(reference));
    const right = new Map(Object.entries(ours));
    for (const key of new Set([...left.keys(), ...right.keys()]))
      yield* differences(left.get(key), right.get(key), path === "" ? key : `${path} ${key}`);
  } else if (JSON.stringify(reference) !== JSON.stringify(ours)) {
    yield { path, reference, ours };
  }
}

/** Whether a departure covers a difference. */
export function covers(departure: Departure, difference: Difference): boolean {
  return (
    departure.path.test(difference.path) &&
    (!("reference" in departure) || isSame(departure.reference, difference.reference)) &&
    (!("ours" in departure) || isSame(departure.ours, difference.ours))
  );
}

function isBranch(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
