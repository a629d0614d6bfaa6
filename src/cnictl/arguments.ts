import type { ParseArgsOptionsConfig } from "node:util";
import { parseArgs } from "@pkgjs/parseargs";
import { reasonOf } from "../cni/error.ts";
import { UsageError } from "./usage-error.ts";

/** Splits a subcommand's arguments into options and operands. @throws UsageError for an option that is unknown or lacks its value */
export function readArguments<O extends ParseArgsOptionsConfig>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(reasonOf(error));
  }
}

/** Checks that the first `required` operands of `names` are given, and no further ones than `names`. @throws UsageError */
export function checkOperands(
  operands: readonly string[],
  { names, required }: { names: readonly string[]; required: number },
): void {
  const missing = names.slice(0, required).find((_, index) => (operands[index] ?? "") === "");
  if (missing !== undefined) throw new UsageError(`<${missing}> is missing`);
  const extra = operands[names.length];
  if (extra !== undefined) throw new UsageError(`"${extra}" is one operand too many`);
}
