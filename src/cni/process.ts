import fs from "#fs";
import host from "#process";
import { readToEnd } from "../platform/bytes.ts";
import { pause } from "../platform/pause.ts";
import { type Edge, type Plugin, type ProcessEdge, servePlugin, type WithHost } from "./plugin.ts";
import { serveResident } from "./resident.ts";

/** Bytes of standard input: more than any list of networks or of attachments has. */
const MOST_INPUT = 1 << 24;

/** The plugin of this image that a path calls, as its process would find it by argv[0]; undefined for a path that calls none. */
export type FindPlugin<Host> = (path: string) => Plugin<Host> | undefined;

/** What a plugin needs besides its process: what verbs reach of the machine, what Linux says of a namespace, and the other plugins of the image, if any. */
export interface PluginSurroundings<Host> extends Pick<Edge, "isOwnNetns"> {
  readonly withHost: WithHost<Host>;
  readonly find?: FindPlugin<Host>;
}

/**
 * Serves one call of the plugin with this process's variables and streams, and ends the process. Where it calls another plugin that
 * is this very image, that one is served here too, which spares the start of a process.
 */
export function runPlugin<Host>(
  plugin: Plugin<Host>,
  { withHost, isOwnNetns, find = () => undefined }: PluginSurroundings<Host>,
): never {
  const edge: Edge = { ...processEdge(), isOwnNetns };
  const launchResident: Edge["launchResident"] = (executable, options) => {
    const resident = isOwnImage(executable) ? find(executable) : undefined;
    return resident && serveResident({ plugin: resident, edge, withHost }, options);
  };
  host.exit(servePlugin(plugin, { ...edge, launchResident }, withHost));
}

/** What a command line tool has of its process. */
export interface ToolEdge extends ProcessEdge {
  /** Arguments after the command's own name. */
  readonly args: readonly string[];
  /** The working directory. */
  readonly directory: string;
}

/** Runs a command line tool with this process's arguments, variables and streams, and ends the process with its code. */
export function runWithProcess(tool: (edge: ToolEdge) => number): never {
  host.exit(tool({ ...processEdge(), args: host.args, directory: host.directory() }));
}

/** The process as a program sees it. Everything is synchronous. */
export function processEdge(): ProcessEdge {
  return {
    environment: host.environment(),
    readStdin: () => readToEnd((buffer) => retry(() => fs.readSync(0, buffer)), { room: 8192, check: checkInput }),
    writeOut: (text) => writeAll(1, text),
    writeErr: (text) => writeAll(2, text),
  };
}

function checkInput(length: number): void {
  if (length > MOST_INPUT) throw new RangeError(`it is more than ${MOST_INPUT} bytes`);
}

function writeAll(fd: number, text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) {
    const bytes = rest;
    rest = bytes.subarray(retry(() => fs.writeSync(fd, bytes)));
  }
}

/** A pipe that its other end made non-blocking answers EAGAIN; then there is nothing to do but to wait. */
function retry(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      pause(1);
    }
  }
}

/** A link of the file that this process was started from, and not of another that has come into its place since. */
function isOwnImage(path: string): boolean {
  return isSameFile(path, "/proc/self/exe");
}

/** Two paths name the same file where device and inode are the same. */
function isSameFile(path: string, other: string): boolean {
  try {
    const one = fs.statSync(path, { bigint: true });
    const two = fs.statSync(other, { bigint: true });
    return one.dev === two.dev && one.ino === two.ino;
  } catch {
    return false;
  }
}
