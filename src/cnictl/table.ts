/** A table for people: a line of headings in capitals, and the columns aligned. An empty cell is shown as "-". */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  let text = "";
  writeTable((part) => (text += part), headings, rows);
  return text;
}

/** How many lines are written at once: a table may have tens of thousands. */
const BATCH = 500;

/** Writes a table of formatTable() in parts. */
export function writeTable(
  write: (part: string) => void,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const widths = headings.map((heading) => heading.length);
  for (const row of rows) {
    for (let column = 0; column < row.length; column++) {
      const length = row[column]?.length ?? 0;
      if (length > (widths[column] ?? 0)) widths[column] = length;
    }
  }
  const line = (cells: readonly string[]) => {
    let text = "";
    for (let column = 0; column < cells.length; column++)
      text += `${column === 0 ? "" : "  "}${(cells[column] || "-").padEnd(widths[column] ?? 0)}`;
    return `${text.trimEnd()}\n`;
  };
  write(line(headings));
  for (let at = 0; at < rows.length; at += BATCH)
    write(
      rows
        .slice(at, at + BATCH)
        .map(line)
        .join(""),
    );
}

/** Lines of a name and a value, with the values aligned. Lines without a value are left out. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const shown = fields.filter(([, value]) => value !== "");
  const width = Math.max(0, ...shown.map(([name]) => name.length + 1));
  return shown.map(([name, value]) => `${`${name}:`.padEnd(width)}  ${value}\n`).join("");
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The time since a moment in ms, rounded down: "45s", "3m", "5h", "2d". A moment in the future is "0s". */
export function formatAge(since: number, now = Date.now()): string {
  const age = Math.max(0, now - since);
  if (age < 2 * MINUTE) return `${Math.floor(age / SECOND)}s`;
  if (age < 2 * HOUR) return `${Math.floor(age / MINUTE)}m`;
  return age < 2 * DAY ? `${Math.floor(age / HOUR)}h` : `${Math.floor(age / DAY)}d`;
}

/** A moment in ms as ISO 8601 in UTC. */
export function formatTime(moment: number): string {
  return new Date(moment).toISOString();
}

const LONG_ID = /^[0-9a-f]{32,}$/;

/** A container's ID for people: the first 12 digits of a long hexadecimal one, as podman and nerdctl show it. */
export function shortenId(id: string): string {
  return LONG_ID.test(id) ? id.slice(0, 12) : id;
}
