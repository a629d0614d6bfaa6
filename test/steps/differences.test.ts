import { describe, expect, it } from "vitest";
import { refuseDifferences, unlessOther } from "../../src/steps/differences.ts";

describe("refuseDifferences()", () => {
  it("names all in one error, and is content with none", () => {
    expect(() => refuseDifferences([])).not.toThrow();
    expect(() => refuseDifferences(["no link", "no route"])).toThrow(
      expect.objectContaining({ code: 104, message: "no link; no route" }),
    );
  });
});

describe("unlessOther()", () => {
  it.each([
    ["nothing where the first backend has all, and does not look at the second", [], undefined, []],
    ["nothing where the second has all", ["a rule is missing"], [], []],
    ["what the first lacks where neither has all", ["a rule is missing"], ["another is"], ["a rule is missing"]],
  ])("reports %s", (_, first, second, expected) => {
    const other = () => {
      if (second === undefined) throw new Error("looked at");
      return second;
    };
    expect(unlessOther(first, other)).toEqual(expected);
  });
});
