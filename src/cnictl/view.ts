import { formatJson } from "../cni/json.ts";
import { adviceForPermission } from "./advice.ts";
import type { Edge } from "./edge.ts";
import { formatAdvice } from "./failure.ts";
import { writeTable } from "./table.ts";

// What the commands that only show something have in common.

/** Writes one JSON document. */
export function writeJson(edge: Pick<Edge, "writeOut">, value: unknown): void {
  edge.writeOut(`${formatJson(value, 2)}\n`);
}

/** Writes a table. On a terminal, `none` takes the place of one without rows. */
export function writeRows(
  { writeOut, terminal }: Pick<Edge, "writeOut" | "terminal">,
  { headings, rows, none }: { headings: readonly string[]; rows: readonly (readonly string[])[]; none: string },
): void {
  if (rows.length === 0 && terminal.out) writeOut(`${none}\n`);
  else writeTable(writeOut, headings, rows);
}

/** How many items are written at once: there may be tens of thousands. */
const BATCH = 200;

/** Writes a JSON array of objects in parts. `toJson` makes an item's object when it is written. */
export function writeJsonArray<T>(
  edge: Pick<Edge, "writeOut">,
  items: readonly T[],
  toJson: (item: T) => Readonly<Record<string, unknown>>,
): void {
  if (items.length === 0) {
    edge.writeOut("[]\n");
    return;
  }
  for (let at = 0; at < items.length; at += BATCH) {
    const part = formatJson(items.slice(at, at + BATCH).map(toJson), 2);
    // Between the parts, a comma takes the place of both brackets.
    const isLast = at + BATCH >= items.length;
    edge.writeOut(`${at === 0 ? "[" : ","}${part.slice(1, isLast ? undefined : -2)}${isLast ? "\n" : ""}`);
  }
}

/** Writes what could not be read to standard error, a line for each, and what to do if this user may not read it. */
export function writeProblems(edge: Pick<Edge, "writeErr">, problems: readonly string[]): void {
  for (const problem of problems) edge.writeErr(`${problem}\n`);
  edge.writeErr(formatAdvice(adviceForPermission(problems.join("\n"))));
}
