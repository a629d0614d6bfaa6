import { formatJson } from "../cni/json.ts";
import { checkOperands, readArguments } from "./arguments.ts";
import type { Edge } from "./edge.ts";
import { NETWORK_OPTIONS } from "./target.ts";

// What the commands that only show something have in common.

export const VIEW_HELP = [
  "      --cache-dir DIR  where runtimes keep results (default /var/lib/cni)",
  "      --json           print JSON: full values, times as ISO 8601",
  "",
  "Environment:",
  "  NETCONFPATH          directory of network lists (default /etc/cni/net.d)",
];

/** The arguments of a view. */
export interface ViewRequest {
  /** "" if it is not given. */
  readonly operand: string;
  readonly json: boolean;
  readonly cacheDirectory: string | undefined;
}

/** Reads the arguments of a view with at most one operand. @throws UsageError */
export function readView(
  args: readonly string[],
  { operand, required = false }: { operand?: string; required?: boolean } = {},
): ViewRequest {
  const { values, positionals } = readArguments(args, NETWORK_OPTIONS);
  checkOperands(positionals, { names: operand === undefined ? [] : [operand], required: required ? 1 : 0 });
  return { operand: positionals[0] ?? "", json: values.json ?? false, cacheDirectory: values["cache-dir"] };
}

/** Writes one JSON document. */
export function writeJson(edge: Pick<Edge, "writeOut">, value: unknown): void {
  edge.writeOut(`${formatJson(value, 2)}\n`);
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

/** Writes what could not be read to standard error, a line for each. */
export function writeProblems(edge: Pick<Edge, "writeErr">, problems: readonly string[]): void {
  for (const problem of problems) edge.writeErr(`${problem}\n`);
}
