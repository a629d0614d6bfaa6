import { formatTable } from "../table.ts";

/** How bad a finding is. "ok" is what was checked and is as it should be. */
export type Level = "error" | "warning" | "note" | "ok";

/** One finding about the host or a network. */
export interface Finding {
  readonly level: Level;
  /** The check's name. */
  readonly check: string;
  /** What it is about: a network, a link, a file, a sysctl, a module. */
  readonly subject: string;
  readonly message: string;
  /** A command to paste, or what to do in words; "" if nothing is known. */
  readonly cure: string;
}

/** A finding as a check returns it: the check's name is added by runChecks(). */
export type Found = Omit<Finding, "check" | "cure"> & { readonly cure?: string };

const HEADINGS = ["LEVEL", "CHECK", "SUBJECT", "MESSAGE"] as const;

/** The findings as a table, each with its cure in a line of its own; "" without findings. */
export function formatFindings(findings: readonly Finding[]): string {
  if (findings.length === 0) return "";
  const rows = findings.map(({ level, check, subject, message }) => [level, check, subject, message].map(onOneLine));
  const [headings = "", ...lines] = formatTable(HEADINGS, rows).trimEnd().split("\n");
  const withCures = findings.flatMap(({ cure }, index) => [
    lines[index] ?? "",
    ...(cure === "" ? [] : [`  cure: ${onOneLine(cure)}`]),
  ]);
  return [headings, ...withCures].map((line) => `${line}\n`).join("");
}

/** Text of plugins and file names, without what would move the terminal's cursor. */
function onOneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, "; ").replaceAll(/\p{Cc}/gu, "?");
}
