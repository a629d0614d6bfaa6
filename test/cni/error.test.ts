import { describe, expect, test } from "vitest";
import { CniError, ERROR_CODES, formatError, toCniError } from "../../src/cni/error.ts";

describe("CniError", () => {
  test("takes its code from its name, or a foreign plugin's as it is", () => {
    expect(new CniError("invalidConfig", "m")).toMatchObject({ code: 7, message: "m", details: "", name: "CniError" });
    expect(new CniError(1234, "m", { details: "d" })).toMatchObject({ code: 1234, details: "d" });
  });

  test("keeps its cause", () => {
    const cause = new Error("c");
    expect(new CniError("internal", "m", { cause }).cause).toBe(cause);
    expect("cause" in new CniError("internal", "m")).toBe(false);
  });
});

describe("ERROR_CODES", () => {
  test("gives every name its own code, below 100 only where the specification or its library has one", () => {
    const codes = Object.values(ERROR_CODES);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.filter((code) => code < 100)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 11, 50, 51]);
  });
});

describe("formatError", () => {
  // The reference's Error.Print, cni 1.3.0.
  test("prints code, msg and details with four spaces and no line end", () => {
    const error = new CniError("incompatibleVersion", 'a "b" <nil> & c', { details: "d\n\u2028" });
    expect(formatError(error)).toBe(
      '{\n    "code": 1,\n    "msg": "a \\"b\\" \\u003cnil\\u003e \\u0026 c",\n    "details": "d\\n\\u2028"\n}',
    );
  });

  test("leaves empty details out", () => {
    expect(formatError(new CniError("ioFailure", ""))).toBe('{\n    "code": 5,\n    "msg": ""\n}');
  });

  test("joins what failed together, under the first one's code", () => {
    const errors = [
      new CniError("ioFailure", "a", { details: "x" }),
      new TypeError("b"),
      new CniError("internal", "c"),
    ];
    expect(JSON.parse(formatError(new AggregateError(errors)))).toEqual({ code: 5, msg: "a; b; c", details: "x" });
  });
});

describe("toCniError", () => {
  test("gives a bug code 999 and keeps it as the cause", () => {
    const bug = new TypeError("x is not a function");
    expect(toCniError(bug)).toMatchObject({ code: 999, message: "x is not a function", cause: bug });
  });

  test("gives what a system call refused code 107", () => {
    const refused = Object.assign(new Error("Cannot add bridge: Operation not permitted"), {
      errno: 1,
      syscall: "netlink",
    });
    expect(toCniError(refused)).toMatchObject({ code: 107, message: refused.message, cause: refused });
  });

  test.each(["EAGAIN", "EINTR", "ERESTART", "ENOMEM", "ENOBUFS", "ENFILE", "ETIMEDOUT"])(
    "gives what the system is too busy for code 11: %s",
    (code) => {
      const busy = Object.assign(new Error("Cannot add bridge"), { errno: 1, syscall: "netlink", code });
      expect(toCniError(busy)).toMatchObject({ code: 11, message: busy.message, cause: busy });
    },
  );

  test("gives what the engine throws for want of memory code 11", () => {
    const error = Object.assign(new Error("out of memory"), { name: "InternalError" });
    expect(toCniError(error)).toMatchObject({ code: 11, message: "out of memory", cause: error });
    expect(toCniError(new Error("out of memory")).code).toBe(999);
  });

  test("gives an empty AggregateError code 999", () => {
    expect(toCniError(new AggregateError([], "nothing"))).toMatchObject({ code: 999, message: "nothing" });
  });
});
