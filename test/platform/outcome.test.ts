import fs from "node:fs";
import { describe, expect, it } from "vitest";
import { ERRNO, LinuxError } from "../../src/platform/errno.ts";
import { type Expected, handling, ifPossible, ignoring, succeeds, translating } from "../../src/platform/outcome.ts";

const refusal = (errno: number) => new LinuxError("delete link", { syscall: "netlink", errno });

function failing(error: unknown) {
  return (): never => {
    throw error;
  };
}

const EXPECTED: readonly [what: string, expected: Expected, error: unknown][] = [
  ["one of several error numbers", [ERRNO.ENODEV, ERRNO.ENOENT], refusal(ERRNO.ENOENT)],
  ["an error of a class", [SyntaxError], new SyntaxError("a comma")],
  ["an error of a derived class", [RangeError, Error], new TypeError("no function")],
  ["an error by its number among classes", [SyntaxError, ERRNO.EBUSY], refusal(ERRNO.EBUSY)],
  ["what a function knows", (error) => error === "full", "full"],
];

const UNEXPECTED: readonly [what: string, expected: Expected, error: unknown][] = [
  ["another error number", [ERRNO.ENODEV], refusal(ERRNO.EPERM)],
  ["an error without a number", [ERRNO.ENODEV], new Error("a bug")],
  ["an error of another class", [LinuxError], new RangeError("too short")],
  ["what a function does not know", (error) => error === "full", "empty"],
  ["everything, if nothing is expected", [], new Error("a bug")],
];

describe("ignoring()", () => {
  it("returns what the act returns", () => {
    expect(ignoring([ERRNO.ENODEV], () => 7)).toBe(7);
  });

  it.each(EXPECTED)("returns undefined for %s", (_, expected, error) => {
    expect(ignoring(expected, failing(error))).toBeUndefined();
  });

  it.each(UNEXPECTED)("throws %s", (_, expected, error) => {
    expect(thrownBy(() => ignoring(expected, failing(error)))).toBe(error);
  });

  it("knows the error numbers of node:fs", () => {
    expect(ignoring([ERRNO.ENOENT], () => fs.readFileSync("/nonexistent"))).toBeUndefined();
  });
});

describe("succeeds()", () => {
  it("is true whatever the act returns", () => {
    expect(succeeds([Error], () => undefined)).toBe(true);
  });

  it.each(EXPECTED)("is false for %s", (_, expected, error) => {
    expect(succeeds(expected, failing(error))).toBe(false);
  });

  it.each(UNEXPECTED)("throws %s", (_, expected, error) => {
    expect(thrownBy(() => succeeds(expected, failing(error)))).toBe(error);
  });
});

describe("ifPossible()", () => {
  it("returns what the act returns", () => {
    expect(ifPossible(() => 7)).toBe(7);
  });

  it("returns undefined for any error", () => {
    expect(ifPossible(failing(new Error("a bug")))).toBeUndefined();
    expect(ifPossible(failing("a text"))).toBeUndefined();
  });
});

describe("handling()", () => {
  const message = (error: unknown) => `found: ${error instanceof Error ? error.message : error}`;

  it("returns what the act returns", () => {
    expect(handling([Error], () => 7, message)).toBe(7);
  });

  it("returns what is made of an expected error", () => {
    expect(handling([SyntaxError], failing(new SyntaxError("a comma")), message)).toBe("found: a comma");
  });

  it("throws what is thrown instead of an expected error", () => {
    const other = new Error("other");

    expect(thrownBy(() => handling([Error], failing(new Error("one")), failing(other)))).toBe(other);
  });

  it.each(UNEXPECTED)("throws %s", (_, expected, error) => {
    expect(thrownBy(() => handling(expected, failing(error), message))).toBe(error);
  });
});

describe("translating()", () => {
  const translate = (cause: unknown) => new Error("translated", { cause });

  it("returns what the act returns", () => {
    expect(translating([Error], () => 7, translate)).toBe(7);
  });

  it("throws what is made of an expected error", () => {
    const error = refusal(ERRNO.EPERM);

    expect(thrownBy(() => translating([LinuxError], failing(error), translate))).toMatchObject({
      message: "translated",
      cause: error,
    });
  });

  it.each(UNEXPECTED)("throws %s as it is", (_, expected, error) => {
    expect(thrownBy(() => translating(expected, failing(error), translate))).toBe(error);
  });
});

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing is thrown");
}
