import { COMMANDS, checkEnvironment, type Environment } from "./environment.ts";
import { CniError, formatError } from "./error.ts";
import { createRequest, type Request, readNetwork, readVersion } from "./request.ts";
import { formatResult, type Result } from "./result.ts";
import { agreeOnVersion, CURRENT_VERSION, SPEC_VERSIONS, type SpecVersion } from "./version.ts";

/** The product's version, put in by the bundler. */
declare const PACKAGE_VERSION: string;

/** A plugin: its name, the versions it speaks (all of them unless it says otherwise) and its verbs. */
export interface Plugin {
  readonly name: string;
  readonly versions?: readonly SpecVersion[];
  readonly add: (request: Request) => Result;
  readonly check: (request: Request) => void;
  readonly del: (request: Request) => void;
  /** Without it GC succeeds and does nothing. */
  readonly gc?: (request: Request) => void;
  /** Without it STATUS succeeds. */
  readonly status?: (request: Request) => void;
}

/** What a plugin has of its process. */
export interface Edge {
  readonly environment: Environment;
  /** All of standard input. */
  readStdin(): Uint8Array;
  writeOut(text: string): void;
  writeErr(text: string): void;
  /** Whether the path names the network namespace that this process is in; false where it names none. */
  isOwnNetns(path: string): boolean;
}

/**
 * Serves one call: reads the variables and standard input, checks them in the reference's order, runs the verb and
 * prints what it returns or the error it throws. The returned exit code is 0 or 1; nothing is thrown.
 */
export function servePlugin(plugin: Plugin, edge: Edge): number {
  try {
    const command = edge.environment["CNI_COMMAND"] ?? "";
    if (command === "") edge.writeErr(introduce(plugin));
    else edge.writeOut(answer(command, plugin, edge));
    return 0;
  } catch (error) {
    reportError(error, edge);
    return 1;
  }
}

function introduce(plugin: Plugin): string {
  const version = typeof PACKAGE_VERSION === "string" ? PACKAGE_VERSION : "0.0.0-unpackaged";
  const versions = (plugin.versions ?? SPEC_VERSIONS).join(", ");
  return `CNI ${plugin.name} plugin v${version}\nCNI protocol versions supported: ${versions}\n`;
}

function answer(command: string, plugin: Plugin, edge: Edge): string {
  const supported = plugin.versions ?? SPEC_VERSIONS;
  checkEnvironment(command, edge.environment);
  if (command === "VERSION")
    return `${JSON.stringify({ cniVersion: CURRENT_VERSION, supportedVersions: supported })}\n`;
  const stdin = readStdin(edge);
  const network = readNetwork(stdin);
  const verb = COMMANDS.find((each) => each === command);
  if (verb === undefined) throw new CniError("invalidEnvironment", `unknown CNI_COMMAND: ${command}`);
  const version = agreeOnVersion(verb, readVersion(network.json), supported);
  const { environment } = edge;
  const log = (line: string): void => edge.writeErr(`${line}\n`);
  return run(plugin, createRequest(verb, { network, version, stdin, environment, log }), edge);
}

function readStdin(edge: Edge): Uint8Array {
  try {
    return edge.readStdin();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CniError("ioFailure", `error reading from stdin: ${reason}`, { cause: error });
  }
}

function run(plugin: Plugin, request: Request, edge: Edge): string {
  refuseOwnNetns(request, edge);
  const { command } = request;
  if (command === "ADD") return add(plugin, request);
  const silent = { CHECK: plugin.check, DEL: plugin.del, GC: plugin.gc, STATUS: plugin.status };
  silent[command]?.(request);
  return "";
}

/** The oldest versions cannot say every result; an ADD whose result cannot be told is taken back. */
function add(plugin: Plugin, request: Request): string {
  const result = plugin.add(request);
  try {
    return formatResult(result, request.version);
  } catch (error) {
    try {
      plugin.del(request);
    } catch (undoError) {
      request.log(`Cannot take back ADD: ${String(undoError)}`);
    }
    throw error;
  }
}

/** The reference refuses after the verb has run, and then has printed two documents; nothing has happened here yet. */
function refuseOwnNetns(request: Request, edge: Edge): void {
  if (request.command !== "ADD" && request.command !== "DEL") return;
  const override = request.environment["CNI_NETNS_OVERRIDE"] ?? "";
  if (override === "1" || override.toUpperCase() === "TRUE") return;
  if (request.netns === "" || !edge.isOwnNetns(request.netns)) return;
  throw new CniError("invalidNetns", "plugin's netns and netns from CNI_NETNS should not be the same");
}

function reportError(error: unknown, edge: Edge): void {
  try {
    if (error instanceof Error && !(error instanceof CniError)) edge.writeErr(`${error.stack ?? error.message}\n`);
  } catch {
    // Standard error is only informational.
  }
  try {
    edge.writeOut(formatError(error));
  } catch {
    // Standard output is gone: the exit code is all that is left to tell by.
  }
}
