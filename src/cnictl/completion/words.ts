import { parseArgs } from "@pkgjs/parseargs";
import type { Command } from "../command.ts";
import type { Edge } from "../edge.ts";
import type { Completion, Options } from "../option.ts";
import { findOffers, type Offer } from "./offers.ts";

/** Instead of a word: the shell completes the names of files, or of folders, itself. */
export const PLACES = { file: "<files>", folder: "<folders>" } as const;

/** Options that every command takes. */
const HELP: Offer = { word: "--help", meaning: "print the help" };

/**
 * What may stand at the place of the last of `words`, of which the beginning is written: a line for each, with a tab and what it
 * means behind the word. Empty if nothing can be found out.
 */
export function completeWords(edge: Edge, commands: readonly Command[], words: readonly string[]): string {
  try {
    const offers = findWords(edge, commands, words);
    return offers.map(({ word, meaning }) => `${word}\t${meaning}\n`).join("");
  } catch {
    // A shell shows no errors of completion.
    return "";
  }
}

function findWords(edge: Edge, commands: readonly Command[], words: readonly string[]): readonly Offer[] {
  const [name = "", ...rest] = words;
  if (rest.length === 0) return matching(name, nameCommands(commands, true));
  if (name === "help") return rest.length > 1 ? [] : matching(rest[0] ?? "", nameCommands(commands, false));
  const command = commands.find((each) => each.name === name);
  return command === undefined ? [] : findArguments(edge, command, rest);
}

function nameCommands(commands: readonly Command[], all: boolean): readonly Offer[] {
  const named = commands.map(({ name, summary }) => ({ word: name, meaning: summary }));
  if (!all) return named;
  const others = [
    { word: "help", meaning: "Prints the help of a command" },
    { word: "--version", meaning: "print the version" },
    HELP,
  ];
  return [...named, ...others];
}

function findArguments(edge: Edge, command: Command, words: readonly string[]): readonly Offer[] {
  const { options } = command;
  const current = words.at(-1) ?? "";
  const { given, operands, awaited, isOpen } = readBefore(words.slice(0, -1), options);
  const offer = (place: Place | undefined, start: string) => offersAt(edge, place, { start, given });
  if (awaited !== undefined) return offer(awaited, current);
  if (isOpen && current.startsWith("-")) {
    const [, name = "", start = ""] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
    if (name === "") return matching(current, nameOptions(options, given));
    return offer(optionOf(options, name), start).map((each) =>
      Object.values<string>(PLACES).includes(each.word) ? each : { ...each, word: `--${name}=${each.word}` },
    );
  }
  const last = command.operands.at(-1);
  const operand = command.operands[operands.length] ?? (last?.repeated ? last : undefined);
  const found = offer(operand, current);
  return current === "" && isOpen && found.length === 0 ? nameOptions(options, given) : found;
}

/** What stands before the word that is completed. */
interface Before {
  /** The values of options by name; "" of one without. */
  readonly given: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
  /** The option whose value comes next. */
  readonly awaited: Options[string] | undefined;
  /** False behind `--`. */
  readonly isOpen: boolean;
}

/** Like readArguments(), but the line may still be wrong. */
function readBefore(words: readonly string[], options: Options): Before {
  const config = { args: [...words], options, allowPositionals: true, strict: false, tokens: true } as const;
  const { tokens, positionals } = parseArgs(config);
  const given = new Map<string, string>();
  for (const token of tokens) if (token.kind === "option") given.set(token.name, token.value ?? "");
  const last = tokens.at(-1);
  const isAwaited = last?.kind === "option" && last.value === undefined && last.index === words.length - 1;
  const awaited = isAwaited ? optionOf(options, last.name) : undefined;
  return {
    given,
    operands: positionals,
    awaited: awaited?.type === "string" ? awaited : undefined,
    isOpen: !tokens.some(({ kind }) => kind === "option-terminator"),
  };
}

function optionOf(options: Options, name: string): Options[string] | undefined {
  return Object.hasOwn(options, name) ? options[name] : undefined;
}

function nameOptions(options: Options, given: ReadonlyMap<string, string>): readonly Offer[] {
  const left = Object.entries(options).filter(([name]) => !given.has(name));
  return [...left.map(([name, { help }]) => ({ word: `--${name}`, meaning: help })), HELP];
}

/** An operand or an option's value. */
type Place = Pick<Options[string], "completion" | "isList">;

/** In a list, the words that it has already are not offered again. */
function offersAt(
  edge: Edge,
  { completion, isList = false }: Place = {},
  { start, given }: { start: string; given: Before["given"] },
): readonly Offer[] {
  if (completion === undefined) return [];
  if (!isList) return offersOf(edge, { completion, start, given });
  const end = start.lastIndexOf(",") + 1;
  const known = start.slice(0, end);
  const found = offersOf(edge, { completion, start: start.slice(end), given });
  const fresh = found.filter(({ word }) => !known.split(",").includes(word));
  return fresh.map((each) => ({ ...each, word: known + each.word }));
}

function offersOf(
  edge: Edge,
  { completion, start, given }: { completion: Completion; start: string; given: Before["given"] },
): readonly Offer[] {
  if (completion === "file" || completion === "folder") return [{ word: PLACES[completion], meaning: "" }];
  // A path to a namespace.
  if (start.includes("/") && ["netns", "container"].includes(String(completion)))
    return [{ word: PLACES.file, meaning: "" }];
  return matching(start, findOffers(edge, completion, given));
}

/** Shells put a word into the line as it is: one with characters that they act on is left out. */
const PLAIN = /^[\w./:@%+=,-]+$/;

function matching(start: string, offers: readonly Offer[]): readonly Offer[] {
  return offers.filter(({ word }) => word.startsWith(start) && PLAIN.test(word));
}
