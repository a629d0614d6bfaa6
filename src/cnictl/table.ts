/** A table for people: a line of headings in capitals, and the columns aligned. An empty cell is shown as "-". */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headings.map((heading) => heading.length);
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length, 1);
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, column) => (cell === "" ? "-" : cell).padEnd(widths[column] ?? 0));
    return `${padded.join("  ").trimEnd()}\n`;
  };
  return [headings, ...rows].map(line).join("");
}
