import { parseArgs } from "@pkgjs/parseargs";
import { findNearest } from "../cni/nearest.ts";
import type { Operand, Options } from "./option.ts";
import { UsageError } from "./usage-error.ts";

/** The arguments of a call. */
export interface Given<O extends Options> {
  readonly values: ReturnType<typeof parse<O>>["values"];
  readonly operands: readonly string[];
}

/** Splits a subcommand's arguments into options and operands. @throws UsageError for what is unknown, missing or too much */
export function readArguments<O extends Options>(
  args: readonly string[],
  { operands, options }: { operands: readonly Operand[]; options: O },
): Given<O> {
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
  for (const token of tokens) if (token.kind === "option") checkOption(token, options);
  const { values, positionals } = parse(args, options);
  checkOperands(positionals, operands);
  return { values, operands: positionals };
}

function parse<O extends Options>(args: readonly string[], options: O) {
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

function checkOption({ name, rawName, value, inlineValue }: OptionToken, options: Options): void {
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

function checkOperands(given: readonly string[], operands: readonly Operand[]): void {
  const missing = operands.find(({ required = false }, index) => required && (given[index] ?? "") === "");
  if (missing !== undefined) throw new UsageError(`<${missing.name}> is missing`);
  const extra = operands.at(-1)?.repeated ? undefined : given[operands.length];
  if (extra !== undefined) throw new UsageError(`"${extra}" is one operand too many`);
}
