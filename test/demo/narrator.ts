import { spawn } from "node:child_process";
import fs from "node:fs";

/** Colours of a terminal; none where the output goes elsewhere. <ECMA-48 SGR> */
const SGR = { bold: 1, dim: 2, red: 31, green: 32 } as const;

/** Headline of what comes next. */
export function step(text: string): void {
  print(`\n${paint("bold", text)}`);
}

/** What came of it. */
export function note(text: string): void {
  for (const line of text.split("\n")) print(line === "" ? "" : `    ${paint("green", line)}`);
}

/** Ends the demo unless something holds. */
export function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Expected that ${what}`);
}

/** Says what went wrong and ends the process. All that was made goes with it. */
export function fail(error: unknown): never {
  fs.writeSync(2, `${paint("red", error instanceof Error ? error.message : String(error))}\n`);
  process.exit(1);
}

/** Shows a command and runs it; returns what it prints. @throws Error when it fails, with what it printed */
export async function run(argv: readonly string[], { quiet = false } = {}): Promise<string> {
  if (!quiet) announce(argv);
  const { status, text } = await ended(argv);
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}:\n${text}`);
  return text;
}

/** Shows a command, runs it on a terminal, and shows what it says there. @throws Error when it does not end as it is to, with what it said */
export async function show(argv: readonly string[], { fails = false } = {}): Promise<void> {
  announce(argv);
  const { status, text } = await ended(["script", "-qec", argv.map(quote).join(" "), "/dev/null"]);
  note(text.replaceAll("\r", "").trimEnd());
  if ((status !== 0) !== fails) throw new Error(`${argv.join(" ")} ended with ${status}`);
}

/** Shows a command and starts it. Resolves when it has said its first line. @throws Error when it ends before that, with what it said */
export function start(argv: readonly string[]): Promise<void> {
  announce(argv);
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.stdout.once("data", () => resolve());
    child.on("close", (status, signal) => reject(new Error(`${argv.join(" ")} ended with ${status ?? signal}`)));
  });
}

function announce(argv: readonly string[]): void {
  const words = argv[0] === "env" ? argv.slice(1) : argv;
  print(`  ${paint("dim", `$ ${words.map(quote).join(" ")}`)}`);
}

function ended(argv: readonly string[]): Promise<{ status: number | string | null; text: string }> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) =>
      resolve({ status: status ?? signal, text: Buffer.concat(chunks).toString() }),
    );
  });
}

/** A word as a shell reads it. */
function quote(word: string): string {
  return /^[\w./:=@-]+$/.test(word)
    ? word
    : word.replace(/^(\w+=)?(.*)$/s, (_, name = "", rest) => `${name}'${rest.replaceAll("'", "'\\''")}'`);
}

function print(line: string): void {
  fs.writeSync(1, `${line}\n`);
}

function paint(name: keyof typeof SGR, text: string): string {
  return process.stdout.isTTY ? `\x1b[${SGR[name]}m${text}\x1b[0m` : text;
}
