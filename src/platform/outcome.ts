import { errnoOf } from "./errno.ts";

type ErrorClass = abstract new (...given: never[]) => Error;

/** The errors that a caller expects: error numbers of Linux and classes of errors, or a function that knows them. */
export type Expected = readonly (number | ErrorClass)[] | ((error: unknown) => boolean);

type ErrorOf<E> = E extends readonly (infer Each)[] ? (Each extends ErrorClass ? InstanceType<Each> : Error) : unknown;

// Every ADD runs many of these: none of them calls another, because calls are what costs an interpreter time.

/** Runs `act`. Returns undefined for an expected error, and throws any other. */
export function ignoring<T>(expected: Expected, act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!isExpected(error, expected)) throw error;
    return undefined;
  }
}

/** Runs `act`. Returns whether it succeeds: false for an expected error. Throws any other. */
export function succeeds(expected: Expected, act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!isExpected(error, expected)) throw error;
    return false;
  }
}

/** Runs `act`. Returns undefined for any error: what `act` is for works without it. */
export function ifPossible<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/** Runs `act`. Returns what `handle` makes of an expected error, and throws any other. */
export function handling<E extends Expected, T, U>(expected: E, act: () => T, handle: (error: ErrorOf<E>) => U): T | U {
  try {
    return act();
  } catch (error) {
    if (!isExpected(error, expected)) throw error;
    return handle(error);
  }
}

/** Runs `act`. Throws what `translate` makes of an expected error, and any other as it is. */
export function translating<E extends Expected, T>(
  expected: E,
  act: () => T,
  translate: (error: ErrorOf<E>) => Error,
): T {
  try {
    return act();
  } catch (error) {
    throw isExpected(error, expected) ? translate(error) : error;
  }
}

function isExpected<E extends Expected>(error: unknown, expected: E): error is ErrorOf<E> {
  if (typeof expected === "function") return expected(error);
  const errno = errnoOf(error);
  return expected.some((each) => (typeof each === "number" ? each === errno : error instanceof each));
}
