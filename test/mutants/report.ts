/** What Stryker's JSON report says of a change, in the words of mutation-testing-report-schema. */
interface Mutant {
  readonly status: string;
  readonly replacement?: string;
  readonly location: { readonly start: Position; readonly end: Position };
}

/** Counted from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Report {
  readonly files: Readonly<Record<string, { readonly source: string; readonly mutants: readonly Mutant[] }>>;
}

/** A change that no test found. */
export interface Survivor {
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

export interface Outcome {
  readonly file: string;
  readonly found: number;
  readonly survivors: readonly Survivor[];
}

const SHOWN = 70;

/** Of a change with which tests fail, do not end, or cannot even be loaded. */
const FOUND = ["Killed", "Timeout", "RuntimeError"];

/** What became of the changes of each file of a folder, or of one file. */
export function outcomes(report: Report, place: string): readonly Outcome[] {
  const files = Object.entries(report.files).filter(([file]) => file === place || file.startsWith(`${place}/`));
  files.sort(([a], [b]) => (a < b ? -1 : 1));
  return files.map(([file, { source, mutants }]) => ({
    file,
    found: mutants.filter(({ status }) => FOUND.includes(status)).length,
    survivors: mutants
      .toSorted((a, b) => a.location.start.line - b.location.start.line)
      .filter(({ status }) => status === "Survived" || status === "NoCoverage")
      .map(({ location, replacement = "" }) => ({
        line: location.start.line,
        before: textAt(source, location),
        after: replacement,
      })),
  }));
}

/** Sums, and the part that was found; all, where there was nothing to change. */
export function score(files: readonly Outcome[]) {
  const found = files.reduce((sum, file) => sum + file.found, 0);
  const left = files.reduce((sum, file) => sum + file.survivors.length, 0);
  return { found, left, percent: found + left === 0 ? 100 : (100 * found) / (found + left) };
}

/** `  FILE:LINE  BEFORE -> AFTER`, each on one line and cut. */
export function survivorLine(file: string, { line, before, after }: Survivor) {
  return `  ${file}:${line}  ${cut(before)} -> ${cut(after)}`;
}

function textAt(source: string, { start, end }: Mutant["location"]) {
  const lines = source.split("\n").slice(start.line - 1, end.line);
  const last = lines.pop() ?? "";
  return [...lines, last.slice(0, end.column - 1)].join("\n").slice(start.column - 1);
}

function cut(text: string) {
  const line = text.replace(/\s+/g, " ");
  return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
}
