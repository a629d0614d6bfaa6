import fs from "#fs";
import host from "#process";
import { readToEnd } from "../platform/bytes.ts";
import { ifPossible } from "../platform/outcome.ts";
import { pause } from "../platform/pause.ts";
import type { Edge, ProcessEdge, ToolEdge } from "./edge.ts";
import { OutputError } from "./output-error.ts";
import { type Plugin, servePlugin, type WithHost } from "./plugin.ts";
import type { LaunchResident } from "./request.ts";
import { serveResident } from "./resident.ts";

/** The limit of standard input in bytes. No list of networks or attachments is as long. */
const MOST_INPUT = 1 << 24;

/** The plugin that a path calls in this image, chosen by the path as by argv[0]; undefined if it calls none. */
export type FindPlugin<Host> = (path: string) => Plugin<Host> | undefined;

/**
 * What a plugin needs besides its process: access to the machine, the test of a namespace, and, if there are any, the log and the other
 * plugins of the image.
 */
export interface PluginSurroundings<Host> extends Pick<Edge, "isOwnNetns" | "beginRecord"> {
  readonly withHost: WithHost<Host>;
  readonly find?: FindPlugin<Host>;
}

/**
 * Serves one call of the plugin with this process's variables and streams, and ends the process. If it calls another plugin of this
 * very image, that plugin runs in this process too, which saves starting one.
 */
export function runPlugin<Host>(
  plugin: Plugin<Host>,
  { withHost, isOwnNetns, beginRecord, find = () => undefined }: PluginSurroundings<Host>,
): never {
  const edge: Edge = { ...processEdge(), isOwnNetns, ...(beginRecord && { beginRecord }) };
  const launchResident = residentLauncher(edge, { withHost, find });
  host.exit(servePlugin(plugin, { ...edge, launchResident }, withHost));
}

/** Serves plugins of this very image in this process, as if each were started. */
export function residentLauncher<Host>(
  edge: Edge,
  { withHost, find }: { readonly withHost: WithHost<Host>; readonly find: FindPlugin<Host> },
): LaunchResident {
  return (executable, options) => {
    const plugin = isOwnImage(executable) ? find(executable) : undefined;
    return plugin && serveResident({ plugin, edge, withHost }, options);
  };
}

/**
 * Runs a command line tool with this process's arguments, variables and streams, and ends the process with the tool's exit code. What
 * nobody reads any more, as in `tool | head`, is lost, and the tool goes on: it may be halfway through a change. So is what cannot be
 * written to standard error. If standard output cannot be written, the tool's `writeOut` throws OutputError.
 */
export function runWithProcess(tool: (edge: ToolEdge) => number): never {
  const { writeOut, writeErr, ...edge } = processEdge();
  const streams = {
    writeOut: untilClosed(writeOut),
    writeErr: (text: string) => void ifPossible(() => writeErr(text)),
  };
  host.exit(tool({ ...edge, ...streams, args: host.args, directory: host.directory() }));
}

/** Writes until the pipe has no reader. @throws OutputError */
function untilClosed(write: (text: string) => void): (text: string) => void {
  let isOpen = true;
  return (text) => {
    try {
      if (isOpen) write(text);
    } catch (error) {
      if (!hasCode(error, "EPIPE")) throw new OutputError(error);
      isOpen = false;
    }
  };
}

/** A program's access to this process. Everything is synchronous. */
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

/** If the other end made the pipe non-blocking, a call fails with EAGAIN. It is then tried again after a pause. */
function retry(call: () => number): number {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!hasCode(error, "EAGAIN")) throw error;
      pause(1);
    }
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Whether the path leads to the file that this process was started from, and not to a file that replaced it. */
function isOwnImage(path: string): boolean {
  return isSameFile(path, "/proc/self/exe");
}

/** Whether two paths lead to one file, by device and inode. */
function isSameFile(path: string, other: string): boolean {
  try {
    const one = fs.statSync(path, { bigint: true });
    const two = fs.statSync(other, { bigint: true });
    return one.dev === two.dev && one.ino === two.ino;
  } catch {
    return false;
  }
}
