import type { Edge } from "./edge.ts";
import { writeFailure } from "./failure.ts";
import { UsageError } from "./usage-error.ts";

/** One subcommand. */
export interface Command {
  readonly name: string;
  /** Operands and options, for usage. */
  readonly synopsis: string;
  /** A summary in a few words. */
  readonly summary: string;
  /** The rest of its help, one entry for each line. */
  readonly help: readonly string[];
  /** Runs the subcommand. @throws UsageError for invalid arguments; any other error is a failure */
  readonly run: (edge: Edge, args: readonly string[]) => void;
}

const EXIT = { DONE: 0, FAILED: 1, MISUSED: 2 } as const;

/** Runs the subcommand that the arguments name. Returns the exit code: 0 success, 1 failure, 2 wrong usage. Never throws. */
export function runCnictl(edge: Edge, commands: readonly Command[]): number {
  const [word = "", ...args] = edge.args;
  const command = commands.find(({ name }) => name === word);
  if (command !== undefined) return runCommand(edge, command, args);
  const version = `cnictl v${edge.build.version}\n`;
  if (word === "--version") return print(edge, version);
  // Nomad runs each file in the plugins' folder without arguments, and expects a version and success.
  if (word === "" || word === "help" || asksForHelp([word])) return print(edge, `${version}\n${formatUsage(commands)}`);
  edge.writeErr(`cnictl: unknown command "${word}"\n\n${formatUsage(commands)}`);
  return EXIT.MISUSED;
}

function runCommand(edge: Edge, command: Command, args: readonly string[]): number {
  if (asksForHelp(args)) return print(edge, formatHelp(command));
  try {
    command.run(edge, args);
    return EXIT.DONE;
  } catch (error) {
    if (!(error instanceof UsageError)) {
      writeFailure(edge, error);
      return EXIT.FAILED;
    }
    edge.writeErr(`cnictl ${command.name}: ${error.message}\n\n${formatSynopsis(command)}`);
    return EXIT.MISUSED;
  }
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
    "\n`cnictl <command> --help` prints its options; `cnictl --version` prints the version.\n",
  ].join("");
}

function formatSynopsis({ name, synopsis }: Command): string {
  return `Usage: cnictl ${name} ${synopsis}\n`;
}

function formatHelp(command: Command): string {
  return `${formatSynopsis(command)}\n${command.summary}.\n\n${command.help.map((line) => `${line}\n`).join("")}`;
}
