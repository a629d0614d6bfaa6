// Text for man(7): https://man.openbsd.org/man.7

/** A paragraph or an example of a man page, from Markdown's small part that the pages of this repository use. */
export function formatMarkdown(markdown: string): string {
  return splitBlocks(markdown).map(formatBlock).join("");
}

/** A section's heading. */
export function formatHeading(title: string): string {
  return `.SH ${quote(title.toUpperCase())}\n`;
}

/** A subsection's heading. */
export function formatSubheading(title: string): string {
  return `.SS ${quote(title)}\n`;
}

/** A term and what it means, in Markdown. */
export function formatTerm(term: string, meaning: string): string {
  return `.TP\n${formatInline(term)}\n${formatText(meaning)}\n`;
}

/** Lines as they are. */
export function formatExample(text: string): string {
  return `.PP\n.in +4n\n.nf\n${text.trimEnd().split("\n").map(escapeLine).join("\n")}\n.fi\n.in\n`;
}

/** One argument of a macro. */
export function quote(text: string): string {
  return `"${escapeText(text).replaceAll('"', "\\(dq")}"`;
}

/** The paragraphs, lists, tables and examples of a text. */
function splitBlocks(markdown: string): readonly string[] {
  const fence = /^ *```[^\n]*\n[\s\S]*?\n *```$/gm;
  const examples = markdown.match(fence) ?? [];
  const rest = markdown.split(fence);
  return rest
    .flatMap((text, index) => [...text.split(/\n{2,}/), examples[index] ?? ""])
    .filter((each) => each.trim() !== "");
}

function formatBlock(block: string): string {
  const text = block.replace(/^\n+|\s+$/g, "");
  if (/^ *```/.test(text)) return formatExample(text.split("\n").slice(1, -1).join("\n"));
  if (text.startsWith("|")) return formatTable(text);
  if (text.startsWith("### ")) return formatSubheading(text.slice(4));
  const [intro = "", ...items] = `\n${text}`.split(/\n(?:-|\d+\.) /);
  const paragraph = intro.trim() === "" ? "" : `.PP\n${formatText(intro)}\n`;
  return paragraph + items.map((item) => `.IP \\(bu 3\n${formatText(item)}\n`).join("");
}

/** A table is a list of terms: the first column, and behind it the others. */
function formatTable(table: string): string {
  const [head = [], , ...rows] = table.split("\n").map(cellsOf);
  return rows
    .map(([term = "", ...cells]) => {
      const named = cells
        .map((cell, index) => ({ name: head[index + 1] ?? "", cell }))
        .filter(({ cell }) => cell !== "");
      const isLabelled = ({ name }: { name: string }) => LABELLED.includes(name);
      const first = named.filter((each) => !isLabelled(each)).map(({ cell }) => sentence(cell));
      const labelled = named.filter(isLabelled).map(({ name, cell }) => sentence(`${capital(name)}: ${cell}`));
      return formatTerm(term, [...first, ...labelled].join(" "));
    })
    .join("");
}

/** Columns whose heading is needed beside what they say. */
const LABELLED = ["type", "default"];

function cellsOf(line: string): readonly string[] {
  const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  return cells.slice(1, -1);
}

function sentence(text: string): string {
  return capital(/[.!?]$/.test(text) ? text : `${text}.`);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A line for each sentence, as roff wants it. */
function formatText(markdown: string): string {
  const flat = markdown.trim().replaceAll(/\s*\n\s*/g, " ");
  return flat
    .split(/(?<=[.!?:]) (?=[A-Z`*[])/)
    .flatMap((line) => wrap(formatInline(line)))
    .join("\n");
}

/** The longest line that roff's tools like. */
const WIDTH = 80;

function wrap(line: string): readonly string[] {
  const end = line.length > WIDTH ? line.lastIndexOf(" ", WIDTH) : -1;
  return end <= 0 ? [line] : [line.slice(0, end), ...wrap(guard(line.slice(end + 1)))];
}

function formatInline(text: string): string {
  const parts = text.replaceAll(/!?\[([^\]]+)\]\([^)]+\)/g, "$1").split(/(`[^`]+`|\*\*[^*]+\*\*)/);
  const formatted = parts.map((part) => {
    if (part.startsWith("`") && part.length > 1) return `\\fB${escapeText(part.slice(1, -1))}\\fR`;
    if (part.startsWith("**") && part.length > 2) return `\\fB${escapeText(part.slice(2, -2))}\\fR`;
    return escapeText(part);
  });
  return guard(formatted.join(""));
}

function escapeLine(line: string): string {
  return guard(escapeText(line));
}

/** A line of text must not look like a request. */
function guard(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

function escapeText(text: string): string {
  const plain = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("…", "...").replaceAll("→", "\\(->");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a page is in ASCII
  const other = /[^\x00-\x7f]/.exec(plain);
  if (other !== null) throw new Error(`Cannot write ${JSON.stringify(other[0])} in a man page: ${text}`);
  return plain;
}
