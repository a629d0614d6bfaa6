import { ERROR_CODES } from "../cni/error.ts";
import { formatJson } from "../cni/json.ts";
import { findNearest } from "../cni/nearest.ts";
import { OutputError } from "../cni/output-error.ts";
import { type Given, readArguments } from "./arguments.ts";
import type { Description } from "./description.ts";
import type { Edge } from "./edge.ts";
import { writeFailure } from "./failure.ts";
import { formatOptions, formatSynopsis, formatVariables, type Options } from "./option.ts";
import { UsageError } from "./usage-error.ts";

/** One subcommand. */
export interface Command extends Description {
  /**
   * Runs the subcommand. Returns the exit code if it is not 0: 1 if what was looked at is not as it should be. @throws UsageError for
   * invalid arguments; any other error is a failure
   */
  readonly run: (edge: Edge, args: readonly string[]) => number | undefined;
}

/** What a subcommand does with its arguments. Returns the exit code if it is not 0. */
export type Run<O extends Options> = (edge: Edge, given: Given<O>) => number | undefined;

/** A subcommand whose arguments are read as they are described. */
export function defineCommand<const O extends Options>({
  run,
  ...description
}: Omit<Description, "options"> & { readonly options: O; readonly run: Run<O> }): Command {
  return { ...description, run: (edge, args) => run(edge, readArguments(args, description)) };
}

/** The word with which the completion scripts ask what may come next. */
export const COMPLETE = "__complete";

/** All subcommands, and what completes their arguments. */
export interface Tool {
  readonly commands: readonly Command[];
  /** What may stand at the place of the last word: a line for each. Never throws. */
  readonly complete: (edge: Edge, words: readonly string[]) => string;
}

/** The words that other tools have for a command. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  add: ["attach", "connect", "setup", "up", "create"],
  check: ["test", "verify"],
  clean: ["cleanup", "prune", "purge"],
  del: ["delete", "detach", "disconnect", "remove", "rm", "teardown", "down"],
  doctor: ["diagnose", "debug", "health"],
  inspect: ["describe", "info"],
  leases: ["ip", "ips", "ipam", "addr", "address", "addresses", "pool", "pools"],
  list: ["ls", "network", "networks", "net", "get"],
  ps: ["attachments", "containers", "pods"],
  reapply: ["reload", "repair", "restore", "fix"],
  trace: ["strace"],
  uninstall: ["unlink"],
  validate: ["lint"],
};

const EXIT = { DONE: 0, FAILED: 1, MISUSED: 2 } as const;

/** Runs the subcommand that the arguments name. Returns the exit code: 0 success, 1 failure, 2 wrong usage. Never throws. */
export function runCnictl(edge: Edge, tool: Tool): number {
  try {
    return runWords(edge, tool);
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    edge.writeErr(`cnictl: ${error.message}\n`);
    return EXIT.FAILED;
  }
}

function runWords(edge: Edge, { commands, complete }: Tool): number {
  const [word = "", ...args] = edge.args;
  const version = formatVersion(edge.build);
  if (word === COMPLETE) return print(edge, complete(edge, args));
  if (["--version", "-V", "-v"].includes(word)) return print(edge, version);
  // Nomad runs each file in the plugins' folder without arguments, and expects a version and success.
  const name = word === "help" && args[0] !== "help" ? args[0] : word;
  if (name === undefined || name === "" || name === "help" || asksForHelp([word]))
    return print(edge, `${version}\n${formatUsage(commands)}`);
  const command = commands.find((each) => each.name === name);
  if (command === undefined) return refuseCommand(edge, name, commands);
  return word === "help" ? print(edge, formatHelp(command)) : runCommand(edge, command, args);
}

/** In the words of the plugins. */
function formatVersion({ version, commit, date }: Edge["build"]): string {
  return `cnictl v${version}\n${commit === "" ? "" : `Built from commit ${commit} of ${date}\n`}`;
}

function refuseCommand(edge: Edge, name: string, commands: readonly Command[]): number {
  const hint = "`cnictl help` lists the commands";
  if (name.startsWith("-"))
    return refuse(edge, { message: `cnictl: unknown option "${name}": options follow the command`, hint });
  const names = commands.map((command) => command.name);
  const meant = names.find((each) => SYNONYMS[each]?.includes(name)) ?? findNearest(name, names);
  const question = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return refuse(edge, { message: `cnictl: unknown command "${name}"${question}`, hint });
}

function runCommand(edge: Edge, command: Command, args: readonly string[]): number {
  if (asksForHelp(args)) return print(edge, formatHelp(command));
  try {
    return command.run(edge, args) ?? EXIT.DONE;
  } catch (error) {
    if (error instanceof OutputError) throw error;
    if (error instanceof UsageError)
      return refuse(edge, { message: `cnictl ${command.name}: ${error.message}`, hint: formatCommandLine(command) });
    writeFailure(edge, error, { json: wantsJson(edge) });
    return EXIT.FAILED;
  }
}

/** Refuses the arguments: the message and the hint on standard error, or as an object as of a failure. */
function refuse(edge: Edge, { message, hint }: { readonly message: string; readonly hint: string }): number {
  if (wantsJson(edge)) edge.writeOut(`${formatJson({ code: ERROR_CODES.invalidEnvironment, msg: message, hint })}\n`);
  else edge.writeErr(`${message}\n\n${hint}\n`);
  return EXIT.MISUSED;
}

/** Whether the arguments ask for JSON, even if they are wrong otherwise. */
function wantsJson({ args }: Edge): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? args.length : end).includes("--json");
}

function asksForHelp(args: readonly string[]): boolean {
  return args.includes("--help") || args.includes("-h");
}

function print(edge: Edge, text: string): number {
  edge.writeOut(text);
  return EXIT.DONE;
}

function formatUsage(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return [
    "Usage: cnictl <command> [arguments]\n\n",
    ...lines,
    "\n`cnictl help <command>` prints its options; `cnictl --version` prints the version.\n",
  ].join("");
}

function formatCommandLine({ name, operands, options }: Command): string {
  return `Usage: cnictl ${name} ${formatSynopsis(operands, options)}`.trimEnd();
}

function formatHelp(command: Command): string {
  const { summary, help, options, environment } = command;
  const parts = [
    [formatCommandLine(command)],
    [`${summary}.`],
    help,
    formatOptions(options),
    environment.length === 0 ? [] : ["Environment:", ...formatVariables(environment)],
  ];
  const texts = parts.filter((lines) => lines.length > 0).map((lines) => lines.map((line) => `${line}\n`).join(""));
  return texts.join("\n");
}
