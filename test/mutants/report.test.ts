import { expect, test } from "vitest";
import { outcomes, score, survivorLine } from "./report.ts";

const source = "export function isShort(text: string) {\n  return (\n    text.length < 3\n  );\n}\n";

const location = (start: number, column: number, end: number, endColumn: number) => ({
  start: { line: start, column },
  end: { line: end, column: endColumn },
});

const condition = location(3, 5, 3, 20);
const body = location(1, 39, 5, 2);

const report = {
  files: {
    "src/ip/text.ts": {
      source,
      mutants: [
        { status: "Survived", replacement: "text.length <= 3", location: condition },
        { status: "Killed", replacement: "true", location: condition },
        { status: "Timeout", replacement: "false", location: condition },
        { status: "NoCoverage", replacement: "{}", location: body },
        { status: "Ignored", replacement: "{}", location: body },
      ],
    },
    "src/ip/address.ts": { source, mutants: [{ status: "RuntimeError", replacement: "{}", location: body }] },
    "src/ips/other.ts": { source, mutants: [{ status: "Survived", replacement: "{}", location: body }] },
  },
};

test("outcomes() has the files of the folder alone, and of each what no test found, by line", () => {
  expect(outcomes(report, "src/ip")).toEqual([
    { file: "src/ip/address.ts", found: 1, survivors: [] },
    {
      file: "src/ip/text.ts",
      found: 2,
      survivors: [
        { line: 1, before: source.slice(38, -1), after: "{}" },
        { line: 3, before: "text.length < 3", after: "text.length <= 3" },
      ],
    },
  ]);
});

test("outcomes() has one file, if that is what it is asked for", () => {
  expect(outcomes(report, "src/ips/other.ts").map(({ file }) => file)).toEqual(["src/ips/other.ts"]);
});

test("score() adds up, and is 100 where there was nothing to change", () => {
  expect(score(outcomes(report, "src/ip"))).toEqual({ found: 3, left: 2, percent: 60 });
  expect(score([])).toEqual({ found: 0, left: 0, percent: 100 });
});

test("survivorLine() puts a change on one line", () => {
  const survivor = { line: 2, before: "{\n  return 1;\n}", after: "x".repeat(71) };
  expect(survivorLine("src/a.ts", survivor)).toBe(`  src/a.ts:2  { return 1; } -> ${"x".repeat(70)}…`);
});
