import type { Row, Spread } from "./statistics.ts";

/** A table for a terminal: medians, quartiles in brackets. The slowest call is told where several came at once. */
export function formatTable(rows: readonly Row[]): string {
  const references = [...new Set(rows.flatMap((row) => Object.keys(row.ratios)))];
  const ratio = (spread: Spread | undefined) => (spread === undefined ? "" : format(spread, 2));
  const head = ["", "", "", "ms", "slowest", "CPU ms", "MB"];
  const body = rows.map((row) => [
    row.scenario,
    row.command,
    row.contender,
    format(row.ms, 1),
    row.slowest.median === row.ms.median ? "" : row.slowest.median.toFixed(1),
    row.cpu.median.toFixed(1),
    row.memory.median.toFixed(1),
    ...references.map((name) => ratio(row.ratios[name])),
    ...references.slice(0, 1).map((name) => ratio(row.cpuRatios[name])),
  ]);
  const ratioHeads = [
    ...references.map((name) => `times "${name}"`),
    ...references.slice(0, 1).map((name) => `CPU times "${name}"`),
  ];
  const table = [[...head, ...ratioHeads], ...body];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((cells) => (cells[column] ?? "").length))) ?? [];
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
