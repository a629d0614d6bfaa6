const FONT = 12;
const LINE = 16;
const MARGIN = 14;
const COLUMNS = 118;
/** Columns that the second line of a long one begins at. */
const INDENT = "      ";
/** The width of a letter of a monospaced font, in parts of its size. */
const ADVANCE = 0.602;

const COLOURS = { step: "#e6edf3", command: "#8b949e", note: "#3fb950" } as const;

/** The demo's output, as it comes where it is no terminal, as SVG: from the first step that attaches a container to the end. */
export function drawDemo(output: string): string {
  const start = output.indexOf("\nAttach ");
  if (start === -1) throw new Error("Cannot draw the demo: it attached nothing");
  const lines = output.slice(start).trim().split("\n").flatMap(wrap);
  const width = Math.ceil(COLUMNS * FONT * ADVANCE) + 2 * MARGIN;
  const height = lines.length * LINE + 2 * MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="${FONT}" xml:space="preserve">`,
    "<title>What npm run demo prints</title>",
    `<rect width="${width}" height="${height}" rx="6" fill="#0d1117"/>`,
    ...lines.flatMap(({ text, kind }, index) => {
      const weight = kind === "step" ? ' font-weight="600"' : "";
      const y = MARGIN + (index + 1) * LINE - 4;
      return text === ""
        ? []
        : [`<text x="${MARGIN}" y="${y}" fill="${COLOURS[kind]}"${weight}>${escapeText(text)}</text>`];
    }),
    "</svg>\n",
  ].join("\n");
}

interface Line {
  readonly text: string;
  readonly kind: keyof typeof COLOURS;
}

/** See narrator.ts: a step begins a line, a command stands behind "$", and what it printed is indented. Long lines go on below, from a word. */
function wrap(line: string): readonly Line[] {
  const kind = line.startsWith("  $ ") ? "command" : line.startsWith(" ") ? "note" : "step";
  return fold(line).map((text) => ({ text, kind }));
}

function fold(line: string): readonly string[] {
  const end = line.length > COLUMNS ? line.lastIndexOf(" ", COLUMNS) : -1;
  return end <= INDENT.length ? [line] : [line.slice(0, end), ...fold(INDENT + line.slice(end + 1))];
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
