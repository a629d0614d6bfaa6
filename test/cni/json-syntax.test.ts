import { describe, expect, test } from "vitest";
import { findSyntaxError } from "../../src/cni/json-syntax.ts";

const END = "unexpected end of JSON input";

describe("findSyntaxError", () => {
  test.each([
    "{}",
    "[]",
    ' {"a" : [1, -0.5E+3, true, false, null, "\\u00e9\\n\\/"] , "b":{}}\r\n',
    '"x"',
    "0",
    "[[],[{}]]",
  ])("finds nothing in %s", (text) => expect(findSyntaxError(text)).toBeUndefined());

  // Messages of encoding/json, Go 1.26.
  test.each([
    ["[1 2]", "invalid character '2' after array element"],
    ["[1,]", "invalid character ']' looking for beginning of value"],
    ["[,1]", "invalid character ',' looking for beginning of value"],
    ["{,}", "invalid character ',' looking for beginning of object key string"],
    ["{1:2}", "invalid character '1' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ['{"a":1]', "invalid character ']' after object key:value pair"],
    ["{}}", "invalid character '}' after top-level value"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ["01", "invalid character '1' after top-level value"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ["1ex", "invalid character 'x' in exponent of numeric literal"],
    ["1e+]", "invalid character ']' in exponent of numeric literal"],
    ["-x", "invalid character 'x' in numeric literal"],
    ["+1", "invalid character '+' looking for beginning of value"],
    ["1.5.2", "invalid character '.' after top-level value"],
    ["trux", "invalid character 'x' in literal true (expecting 'e')"],
    ["nil", "invalid character 'i' in literal null (expecting 'u')"],
    ["NaN", "invalid character 'N' looking for beginning of value"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['"a\tb"', "invalid character '\\t' in string literal"],
    ["// c", "invalid character '/' looking for beginning of value"],
  ])("says of %s what Go says", (text, message) => expect(findSyntaxError(text)?.message).toBe(message));

  test.each(["", " ", "{", '{"a"', '{"a":', '{"a":1,', "[", "[1,", '"abc', '"abc\\', '"\\u12', "tru", "-", "1.", "1e"])(
    "%j ends too early",
    (text) => expect(findSyntaxError(text)).toEqual({ message: END, offset: text.length }),
  );

  test("allows 10,000 levels", () => {
    expect(findSyntaxError("[".repeat(10_000) + "]".repeat(10_000))).toBeUndefined();
    expect(findSyntaxError("[".repeat(10_001))).toEqual({
      message: "invalid character '[' exceeded max depth",
      offset: 10_000,
    });
  });

  test.each([
    ['{"a" 1}', 5],
    ['{"a": nil}', 7],
    ['{"a": "b\tc"}', 8],
    ["[1,]", 3],
    ["1ex", 2],
  ])("says where %s is wrong", (text, offset) => expect(findSyntaxError(text)?.offset).toBe(offset));
});
