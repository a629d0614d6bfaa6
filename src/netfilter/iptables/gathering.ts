import type { Family } from "../../ip/address.ts";
import { invocationFor, type Restore, type Restores, startRestore } from "./tool.ts";

/**
 * Changes by `iptables-restore` that are held back and then applied together: one command for each family and variant changes each
 * table once. Until then their callers read the rules as they were. A line that several callers need is applied once.
 */
export class RestoreGathering implements Restores {
  readonly #held: Restore[] = [];

  hold(restore: Restore): void {
    this.#held.push(restore);
  }

  inputs(family: Family): readonly string[] {
    return this.#held.filter((restore) => restore.family === family).map(({ input }) => input);
  }

  /** Runs the commands. @throws IptablesError for the first command that fails: the table that it could not change is as it was */
  apply(): void {
    for (const all of Map.groupBy(this.#held, ({ family, variant = "" }) => `${family} ${variant}`).values()) {
      const [first] = all;
      if (first === undefined) continue;
      const { environment, launch } = first.invocation;
      const owners = all.flatMap(({ invocation }) => invocation.owners);
      const invocation = { ...invocationFor({ environment, launch }), owners };
      startRestore(first.family, mergeInputs(all.map(({ input }) => input)), invocation, first)();
    }
  }
}

/**
 * Inputs as formatInput() makes them, of one table each, as one. A table has the lines of all its inputs in their order, without those that
 * an earlier input has.
 */
export function mergeInputs(inputs: readonly string[]): string {
  const tables = new Map<string, { readonly lines: string[]; readonly known: Set<string> }>();
  for (const input of inputs) {
    const [header = "", ...lines] = input.split("\n").slice(0, -2);
    const table = tables.get(header) ?? { lines: [], known: new Set() };
    tables.set(header, table);
    table.lines.push(...lines.filter((line) => !table.known.has(line)));
    for (const line of lines) table.known.add(line);
  }
  return [...tables].map(([header, { lines }]) => [header, ...lines, "COMMIT", ""].join("\n")).join("");
}
