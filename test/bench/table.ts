import type { Row, Spread } from "./statistics.ts";

/** A table for a terminal: medians, quartiles in brackets. */
export function formatTable(rows: readonly Row[]): string {
  const references = [...new Set(rows.flatMap((row) => Object.keys(row.ratios)))];
  const head = ["", "", "", "ms", ...references.map((name) => `times "${name}"`)];
  const body = rows.map((row) => [
    row.scenario,
    row.command,
    row.contender,
    format(row.ms, 1),
    ...references.map((name) => (row.ratios[name] === undefined ? "" : format(row.ratios[name], 2))),
  ]);
  const table = [head, ...body];
  const widths = head.map((_, column) => Math.max(...table.map((cells) => (cells[column] ?? "").length)));
  const lines = table.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
}

function format({ low, median, high }: Spread, digits: number): string {
  return `${median.toFixed(digits)} [${low.toFixed(digits)} ${high.toFixed(digits)}]`;
}
