import { formatPath } from "../../cni/issue.ts";
import type { Path } from "../../cni/schema-walk.ts";
import type { Document } from "./document.ts";

export type Level = "error" | "warning";

/** What is wrong in a file, as `--json` prints it. */
export interface Finding {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  readonly level: Level;
  /** The code of the error that an ADD would answer, if it would fail. */
  readonly code?: number;
  /** The path of the key, as in "plugins[0].ipam.subnet"; empty for the whole file. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/** What is wrong with a part of a document. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly code?: number;
  /** Points to the key instead of its value. */
  readonly atKey?: boolean;
}

/** Collects findings. */
export type Report = (document: Document, level: Level, problem: Problem) => void;

/** A report that adds to a list. */
export function reportTo(findings: Finding[]): Report {
  return (document, level, { path, message, hint, code, atKey = false }) => {
    const place = document.place(path, atKey);
    findings.push({
      file: document.file,
      ...place,
      level,
      ...(code === undefined ? {} : { code }),
      path: formatPath(path),
      message,
      ...(hint === undefined ? {} : { hint }),
    });
  };
}

/** One line as compilers print it, so that editors find the place. */
export function formatFinding({ file, line, column, level, path, message, hint }: Finding): string {
  const what = path === "" ? message : `${path}: ${message}`;
  return `${file}:${line}:${column}: ${level}: ${what}${hint === undefined ? "" : `; ${hint}`}\n`;
}
