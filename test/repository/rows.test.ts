import { describe, expect, it } from "vitest";
import { ROWS } from "../parity/rows.ts";
import { filesOf, read } from "./tree.ts";

/** The text of every string in the tests: a title is one of them, or begins with the first word of a table's line. */
const strings = filesOf("test")
  .filter((file) => file.endsWith(".test.ts"))
  .flatMap((file) => [...read(file).matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map(([, text = ""]) => text));

/** Whether a title begins with the name, alone or among others; `B22.$row` stands for all of B22's. */
function isNamed(row: string): boolean {
  const [group, part] = row.split(".");
  const names = part === undefined ? [row] : [row, `${group}.$row`];
  return strings.some((text) =>
    (/^((?:[A-Z]\d+(?:\.(?:\d|\$row))?[ :]*)+)/.exec(text)?.[1] ?? "")
      .split(/[ :]+/)
      .some((name) => names.includes(name)),
  );
}

describe("the Go plugins' own tests", () => {
  it.each(Object.entries(ROWS))("%s: each has a twin", (_, rows) => {
    expect(rows.filter((row) => !isNamed(row))).toEqual([]);
  });
});
