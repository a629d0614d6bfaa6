import type { Configuration } from "./configuration.ts";
import type { Edge, ToolEdge } from "./edge.ts";
import { COMMANDS, type Command, checkEnvironment, type Environment } from "./environment.ts";
import { CniError, ERROR_CODES, formatError, isSystemError, reasonOf, toCniError } from "./error.ts";
import { OutputError } from "./output-error.ts";
import type { Rebuilding } from "./rebuilding.ts";
import { type Call, createRequest, type Request, readNetwork, readVersion } from "./request.ts";
import type { Result } from "./result.ts";
import { formatResult } from "./result-json.ts";
import { agreeOnVersion, CURRENT_VERSION, SPEC_VERSIONS, type SpecVersion } from "./version.ts";

/** What the build inserts: the product's version, the commit and its day. The last two are empty outside a clone or an archive of it. */
declare const PACKAGE_VERSION: string;
declare const COMMIT: string;
declare const COMMIT_DATE: string;

/**
 * A plugin: its name, the versions that it supports (default: all) and its verbs. `Host` is the verbs' access to the machine; this
 * layer only passes it on.
 */
export interface Plugin<Host = unknown> {
  readonly name: string;
  readonly versions?: readonly SpecVersion[];
  readonly add: (request: Request, host: Host) => Result;
  readonly check: (request: Request, host: Host) => void;
  readonly del: (request: Request, host: Host) => void;
  /** Without it, GC succeeds and does nothing. */
  readonly gc?: (request: Request, host: Host) => void;
  /** Without it, STATUS succeeds. */
  readonly status?: (request: Request, host: Host) => void;
  /** Rebuilds what the plugin made on the host for an attachment that lives, where it is missing. It is no verb of the protocol. */
  readonly reapply?: (request: Request, host: Host) => Rebuilding;
  /** Deletes what `reapply` may have rebuilt for an attachment that has ended since. The request is that of a DEL. */
  readonly withdraw?: (request: Request, host: Host) => void;
  /** What cnictl asks about configurations. Without it, cnictl knows only what VERSION says. */
  readonly configuration?: () => Configuration;
  /** What the executable does instead of serving a call, by its first argument. Each returns the exit code. */
  readonly programs?: Readonly<Record<string, (edge: ToolEdge) => number>>;
  /** Rolls back an ADD whose result could not be delivered. Defaults to `del`. The request is that of a DEL. */
  readonly undo?: (request: Request, result: Result, host: Host) => void;
}

/** Runs a verb with its access to the machine, and then closes everything that was opened. */
export type WithHost<Host> = <T>(act: (host: Host) => T) => T;

/**
 * Serves one call: reads the variables and standard input, checks them in the reference's order, runs the verb, and prints its result
 * or error. Returns the exit code, 0 or 1, and never throws.
 */
export function servePlugin<Host>(plugin: Plugin<Host>, edge: Edge, withHost: WithHost<Host>): number {
  const logged = edge.beginRecord?.(plugin.name, edge);
  const code = serve(plugin, logged?.edge ?? edge, withHost);
  logged?.finish(code);
  return code;
}

function serve<Host>(plugin: Plugin<Host>, edge: Edge, withHost: WithHost<Host>): number {
  try {
    const command = edge.environment["CNI_COMMAND"] ?? "";
    if (command === "") log(introduce(plugin), edge);
    else if (command === "VERSION") print(formatVersions(versionsOf(plugin)), edge);
    else answer(command, { plugin, edge, withHost });
    return 0;
  } catch (error) {
    reportError(error, edge);
    return 1;
  }
}

/** A plugin and its access to process and machine. */
interface Service<Host> {
  readonly plugin: Plugin<Host>;
  readonly edge: Edge;
  readonly withHost: WithHost<Host>;
}

function introduce(plugin: Pick<Plugin, "name" | "versions">): string {
  const isBuilt = typeof PACKAGE_VERSION === "string";
  const version = isBuilt ? PACKAGE_VERSION : "0.0.0-unpackaged";
  const versions = versionsOf(plugin).join(", ");
  // Clients read the first line, and take the first word that is a version.
  const source = isBuilt && COMMIT !== "" ? `\nBuilt from commit ${COMMIT} of ${COMMIT_DATE}` : "";
  return `CNI ${plugin.name} plugin v${version}\nCNI protocol versions supported: ${versions}${source}`;
}

function answer<Host>(command: string, service: Service<Host>): void {
  const { plugin, edge } = service;
  checkEnvironment(command, edge.environment);
  const stdin = readStdin(edge);
  const network = readNetwork(stdin);
  const verb = COMMANDS.find((each) => each === command);
  if (verb === undefined) throw new CniError("invalidEnvironment", `unknown CNI_COMMAND: ${command}`);
  const version = agreeOnVersion(verb, readVersion(network.json), versionsOf(plugin));
  const environment = withoutOwnNetns(verb, edge);
  const { launchResident, awaitLock } = edge;
  const call = {
    ...{ network, version, stdin, environment, log: (line: string) => log(line, edge) },
    ...(launchResident && { launchResident }),
    ...(awaitLock && { awaitLock }),
  };
  if (verb === "ADD") add(service, call);
  else act(service, createRequest(verb, call));
}

/** The plugin's function for each verb. Only the called one is read, because reading it loads its module. */
const MEMBERS = { ADD: "add", CHECK: "check", DEL: "del", GC: "gc", STATUS: "status" } as const;

function versionsOf(plugin: Pick<Plugin, "versions">): readonly SpecVersion[] {
  return plugin.versions ?? SPEC_VERSIONS;
}

function formatVersions(supported: readonly SpecVersion[]): string {
  return `${JSON.stringify({ cniVersion: CURRENT_VERSION, supportedVersions: supported })}\n`;
}

function readStdin(edge: Edge): Uint8Array {
  try {
    return edge.readStdin();
  } catch (error) {
    throw new CniError("ioFailure", `error reading from stdin: ${reasonOf(error)}`, { cause: error });
  }
}

function act<Host>({ plugin, withHost }: Service<Host>, request: Request): void {
  const member = MEMBERS[request.command];
  try {
    withHost((host) => plugin[member]?.(request, host));
  } catch (error) {
    throw request.command === "CHECK" && isGone(error)
      ? new CniError("checkFailed", error.message, { cause: error })
      : error;
  }
}

/** Whether a link disappeared while CHECK read it: then ADD's link is missing. */
function isGone(error: unknown): error is Error {
  return isSystemError(error) && "code" in error && error.code === "ENODEV";
}

/**
 * Rolls back an ADD whose result cannot be delivered. The oldest versions cannot express every result, and the caller may have ended
 * (for example a killed plugin that runs this one as its delegate).
 */
function add<Host>(service: Service<Host>, call: Call): void {
  const { plugin, edge, withHost } = service;
  const result = withHost((host) => plugin.add(createRequest("ADD", call), host));
  try {
    print(formatResult(result, call.version), edge);
  } catch (error) {
    takeBack(service, call, result);
    throw error;
  }
}

function takeBack<Host>({ plugin, withHost }: Service<Host>, call: Call, result: Result): void {
  try {
    const request = createRequest("DEL", call);
    withHost((host) => (plugin.undo === undefined ? plugin.del(request, host) : plugin.undo(request, result, host)));
  } catch (error) {
    call.log(`Cannot roll back ADD: ${toCniError(error).message}`);
  }
}

/**
 * Handles a CNI_NETNS that is the host's own network namespace: ADD refuses it, DEL treats it as empty. The reference refuses it for
 * both only after the verb has run, and then prints two documents; here nothing has run yet. @throws CniError invalidNetns
 */
function withoutOwnNetns(command: Command, { environment, isOwnNetns }: Edge): Environment {
  if (command !== "ADD" && command !== "DEL") return environment;
  const override = environment["CNI_NETNS_OVERRIDE"] ?? "";
  if (override === "1" || override.toUpperCase() === "TRUE") return environment;
  const netns = environment["CNI_NETNS"] ?? "";
  if (netns === "" || !isOwnNetns(netns)) return environment;
  if (command === "DEL") return { ...environment, CNI_NETNS: "" };
  throw new CniError("invalidNetns", "plugin's netns and netns from CNI_NETNS should not be the same");
}

function print(text: string, edge: Edge): void {
  try {
    edge.writeOut(text);
  } catch (error) {
    throw new OutputError(error);
  }
}

function reportError(error: unknown, edge: Edge): void {
  if (error instanceof Error && isBug(error)) log(describeBug(error), edge);
  try {
    edge.writeOut(formatError(error));
  } catch {
    log(toCniError(error).message, edge);
  }
}

/** The error and its stack. A stack of the native image begins with the first function, one of Node.js with the error itself. */
function describeBug(error: Error): string {
  const { stack = "" } = error;
  return stack.startsWith(String(error)) ? stack : `${error}\n${stack.trimEnd()}`;
}

function isBug(error: Error): boolean {
  return !(error instanceof CniError) && toCniError(error).code === ERROR_CODES.internal;
}

/** Standard error is only informational, so a failed write does not fail the call. */
function log(line: string, edge: Edge): void {
  try {
    edge.writeErr(`${line}\n`);
  } catch {
    // There is no other place to log it.
  }
}
