import { readSync, statSync, writeSync } from "node:fs";
import { pause } from "./pause.ts";
import { type Edge, type Plugin, servePlugin } from "./plugin.ts";

/** Serves one call of the plugin with this process's variables and streams, and ends the process. */
export function runPlugin(plugin: Plugin): never {
  process.exit(servePlugin(plugin, processEdge()));
}

/** What a command line tool has of its process. */
export interface ToolEdge extends Edge {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  /** The working directory. */
  readonly directory: string;
}

/** Runs a command line tool with this process's arguments, variables and streams, and ends the process with its code. */
export function runTool(tool: (edge: ToolEdge) => number): never {
  process.exit(tool({ ...processEdge(), args: process.argv.slice(2), directory: process.cwd() }));
}

/** The process as a plugin sees it. Everything is synchronous: touching process.stdout alone would cost 5 ms. */
export function processEdge(): Edge {
  return {
    environment: readEnvironment(),
    readStdin: () => readAll(0),
    writeOut: (text) => writeAll(1, text),
    writeErr: (text) => writeAll(2, text),
    isOwnNetns,
  };
}

function readEnvironment(): Readonly<Record<string, string>> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

function readAll(fd: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = new Uint8Array(65_536);
    const length = retry(() => readSync(fd, chunk));
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, length));
  }
}

function writeAll(fd: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    const bytes = rest;
    rest = bytes.subarray(retry(() => writeSync(fd, bytes)));
  }
}

/** A pipe that its other end made non-blocking answers EAGAIN; then there is nothing to do but to wait. */
function retry(attempt: () => number): number {
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      pause(1);
    }
  }
}

/** Two paths name the same namespace where device and inode are the same. namespaces(7) */
function isOwnNetns(path: string): boolean {
  try {
    const own = statSync("/proc/thread-self/ns/net", { bigint: true });
    const other = statSync(path, { bigint: true });
    return own.dev === other.dev && own.ino === other.ino;
  } catch {
    return false;
  }
}
