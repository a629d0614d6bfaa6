import type { ParseArgsOptionsConfig } from "node:util";
import { parseArgs } from "@pkgjs/parseargs";
import { findNearest } from "../cni/nearest.ts";
import { UsageError } from "./usage-error.ts";

/** Splits a subcommand's arguments into options and operands. @throws UsageError for an option that is unknown or lacks its value */
export function readArguments<O extends ParseArgsOptionsConfig>(args: readonly string[], options: O) {
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
  for (const token of tokens) if (token.kind === "option") checkOption(token, options);
  return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
}

/** One option as it is written. */
interface OptionToken {
  readonly name: string;
  /** With its dashes. */
  readonly rawName: string;
  readonly value: string | undefined;
  /** Whether the value follows an equals sign; undefined without a value. */
  readonly inlineValue: boolean | undefined;
}

function checkOption({ name, rawName, value, inlineValue }: OptionToken, options: ParseArgsOptionsConfig): void {
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  if (option === undefined) throw new UsageError(`unknown option "${rawName}"${suggest(name, Object.keys(options))}`);
  if (option.type === "boolean" && value !== undefined) throw new UsageError(`${rawName} takes no value`);
  if (option.type !== "string") return;
  if (value === undefined) throw new UsageError(`${rawName} needs a value`);
  if (value.startsWith("-") && inlineValue === false)
    throw new UsageError(`${rawName} needs a value; write --${name}=${value} if it is "${value}"`);
}

function suggest(name: string, known: readonly string[]): string {
  const nearest = findNearest(name, known);
  return nearest === undefined ? "" : `; did you mean "--${nearest}"?`;
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
