import { describe, expect, test } from "vitest";
import { formatAge, formatFields, formatTable, shortenId } from "../../src/cnictl/table.ts";

describe("formatTable()", () => {
  test("aligns the columns, shows an empty cell as a dash, and ends lines without spaces", () => {
    expect(
      formatTable(
        ["NAME", "USED"],
        [
          ["a-long-name", ""],
          ["b", "3/253 (1%)"],
        ],
      ),
    ).toBe("NAME         USED\na-long-name  -\nb            3/253 (1%)\n");
  });

  test("is the headings alone if there is nothing to show", () => {
    expect(formatTable(["NAME", "USED"], [])).toBe("NAME  USED\n");
  });

  test("has every line of a long table", () => {
    const rows = Array.from({ length: 1234 }, (_, index) => [`n${index}`]);
    expect(formatTable(["NAME"], rows).split("\n")).toHaveLength(1236);
  });
});

test("formatFields() aligns the values and leaves out empty ones", () => {
  const fields = [
    ["a", "1"],
    ["b", ""],
    ["long", "2"],
  ] as const;
  expect(formatFields(fields)).toBe("a:     1\nlong:  2\n");
});

test.each([
  [0, "0s"],
  [-5000, "0s"],
  [119_999, "119s"],
  [120_000, "2m"],
  [7_199_000, "119m"],
  [7_200_000, "2h"],
  [172_799_000, "47h"],
  [172_800_000, "2d"],
])("formatAge() of %d ms is %s", (age, text) => {
  expect(formatAge(1_000_000_000_000 - age, 1_000_000_000_000)).toBe(text);
});

test("shortenId() shortens long hexadecimal IDs alone", () => {
  expect([shortenId("0123456789abcdef".repeat(4)), shortenId("cnitool-0123456789abcdef0123")]).toEqual([
    "0123456789ab",
    "cnitool-0123456789abcdef0123",
  ]);
});
