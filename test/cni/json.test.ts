import { describe, expect, test } from "vitest";
import { Decimal, findMember, formatJson, isObject, kindOf, parseJson } from "../../src/cni/json.ts";

function read(text: string): unknown {
  return parseJson(Buffer.from(text));
}

describe("parseJson", () => {
  test("reads what JSON.parse reads", () => {
    expect(read(' {"a":[1,-2,true,null,"\\u00e9 1.5, 2.0"],"__proto__":{"b":1}} ')).toEqual(
      JSON.parse('{"a":[1,-2,true,null,"é 1.5, 2.0"],"__proto__":{"b":1}}'),
    );
  });

  test("keeps apart the numbers that are not written as integers", () => {
    const decimals = ["1500.0", "1.5e3", "-2E2", "0.1"].map((text) => new Decimal(text));
    expect(read('[1500, 1500.0,1.5e3,\n-2E2,0.1, "10.1.2.3", ": 1.5"]')).toEqual([
      1500,
      ...decimals,
      "10.1.2.3",
      ": 1.5",
    ]);
  });

  test.each(["1500.0", "1e3", "1E3", "-2e5", "3e+2", "3E-2", "1.5e3"])(
    "keeps %s apart where it is the only one",
    (text) => {
      expect(read(`{"a":${text}}`)).toEqual({ a: new Decimal(text) });
      expect(read(`[7,${text}]`)).toEqual([7, new Decimal(text)]);
    },
  );

  test("writes them back as numbers", () => {
    expect(formatJson(read('{"a":1500.0,"b":[2.5]}'), 0)).toBe('{"a":1500,"b":[2.5]}');
  });

  test("throws a SyntaxError in Go's words, with the position", () => {
    const refusal = (message: string, line: number, column: number) =>
      expect.objectContaining({ message, line, column });
    expect(() => read("{")).toThrow(refusal("unexpected end of JSON input", 1, 2));
    expect(() => read("{\n  x\n}\n")).toThrow(
      refusal("invalid character 'x' looking for beginning of object key string", 2, 3),
    );
    expect(() => read('{\n  "é": 1,\n}')).toThrow(
      refusal("invalid character '}' looking for beginning of object key string", 3, 1),
    );
    expect(() => read(`${"[".repeat(10_001)}`)).toThrow(refusal("invalid character '[' exceeded max depth", 1, 10_001));
    expect(() => read("{")).toThrow(SyntaxError);
  });

  test.each([
    ['{"a": 1 "b": 2}', "a comma may be missing before it"],
    ["[{} {}]", "a comma may be missing before it"],
    ['{"a": 1,}', "the comma before it may be one too many"],
    ["[1,]", "the comma before it may be one too many"],
    ['{"a": 1,, "b": 2}', "it may be one too many"],
    ["{ // a\n}", 'JSON has no comments; a key that begins with "_" may hold one'],
    ["{'a': 1}", 'JSON takes only " as quotation mark'],
    ["{“a”: 1}", 'JSON takes only " as quotation mark'],
    ["\uFEFF{}", "save the file as UTF-8 without byte order mark"],
    ["{\0}", "save the file as UTF-8 without byte order mark"],
    ['{"a": 1]', undefined],
    ["{", undefined],
  ])("says of %s what was probably meant", (text, hint) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ hint }));
  });
});

describe("formatJson", () => {
  test("escapes as Go does", () => {
    expect(formatJson({ a: "<>&\u2028\u2029é\u007f\b\u0001" })).toBe(
      '{\n    "a": "\\u003c\\u003e\\u0026\\u2028\\u2029é\u007f\\b\\u0001"\n}',
    );
  });
});

describe("findMember", () => {
  test("matches in any case, the last of several counts, null is absent", () => {
    expect(findMember({ prevResult: 1 }, "prevresult")).toBe(1);
    expect(findMember({ name: "a", NAME: "b" }, "name")).toBe("b");
    expect(findMember({ name: "a", NAME: null }, "name")).toBe("a");
    expect(findMember({ nam: "a" }, "name")).toBeUndefined();
  });
});

describe("isObject, kindOf", () => {
  test.each([
    [{}, true, "object"],
    [[], false, "array"],
    [null, false, "null"],
    [new Decimal("1.0"), false, "number"],
    [1, false, "number"],
    ["", false, "string"],
    [true, false, "boolean"],
  ])("%j: %s, %s", (value, object, kind) => {
    expect([isObject(value), kindOf(value)]).toEqual([object, kind]);
  });
});

test("parseJson() refuses megabytes that are no JSON without looking for the place", () => {
  const started = process.cpuUsage().user;
  expect(() => parseJson(new TextEncoder().encode(`[${"1,".repeat(5 << 20)}`))).toThrow(SyntaxError);
  expect(process.cpuUsage().user - started).toBeLessThan(5_000_000);
});

test("parseJson() finds decimals wherever they are, and no string is taken for one", () => {
  const text = '{"a":[1.5,"1.5",{"1.5":-2e3}],"__proto__":0.5,"s":"a \\" 2.5 , 3e1","n":15,"a":[7.0]}';
  const found = parseJson(Buffer.from(text)) as Record<string, unknown>;
  expect(JSON.stringify(found)).toBe('{"a":[7],"__proto__":0.5,"s":"a \\" 2.5 , 3e1","n":15}');
  expect(Object.getPrototypeOf(found)).toBe(Object.prototype);
  expect(found["a"]).toEqual([new Decimal("7.0")]);
  expect(parseJson(Buffer.from('[1.5,"1.5",{"1.5":-2e3}]'))).toEqual([
    new Decimal("1.5"),
    "1.5",
    { "1.5": new Decimal("-2e3") },
  ]);
});
