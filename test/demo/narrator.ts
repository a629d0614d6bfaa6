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
  for (const line of text.split("\n")) print(`    ${paint("green", line)}`);
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
export function run(argv: readonly string[], { quiet = false } = {}): Promise<string> {
  if (!quiet) print(`  ${paint("dim", `$ ${argv.join(" ").replace(/^env /, "")}`)}`);
  const [file = "", ...args] = argv;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      const text = Buffer.concat(chunks).toString();
      if (status === 0) resolve(text);
      else reject(new Error(`${argv.join(" ")} ended with ${status ?? signal}:\n${text}`));
    });
  });
}

function print(line: string): void {
  fs.writeSync(1, `${line}\n`);
}

function paint(name: keyof typeof SGR, text: string): string {
  return process.stdout.isTTY ? `\x1b[${SGR[name]}m${text}\x1b[0m` : text;
}
