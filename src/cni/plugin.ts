import { COMMANDS, type Command, checkEnvironment, type Environment } from "./environment.ts";
import { CniError, ERROR_CODES, formatError, isSystemError, reasonOf, toCniError } from "./error.ts";
import { type Call, createRequest, type LaunchResident, type Request, readNetwork, readVersion } from "./request.ts";
import type { Result } from "./result.ts";
import { formatResult } from "./result-json.ts";
import { agreeOnVersion, CURRENT_VERSION, SPEC_VERSIONS, type SpecVersion } from "./version.ts";

/** The product's version, put in by the bundler. */
declare const PACKAGE_VERSION: string;

/**
 * A plugin: its name, the versions it speaks (all of them unless it says otherwise) and its verbs. `Host` is what verbs reach of the
 * machine; this layer only hands it on.
 */
export interface Plugin<Host = unknown> {
  readonly name: string;
  readonly versions?: readonly SpecVersion[];
  readonly add: (request: Request, host: Host) => Result;
  readonly check: (request: Request, host: Host) => void;
  readonly del: (request: Request, host: Host) => void;
  /** Without it GC succeeds and does nothing. */
  readonly gc?: (request: Request, host: Host) => void;
  /** Without it STATUS succeeds. */
  readonly status?: (request: Request, host: Host) => void;
  /** Rolls back an ADD whose result could not be delivered; defaults to `del`. The request is as for DEL. */
  readonly undo?: (request: Request, result: Result, host: Host) => void;
}

/** Runs a verb with what it may reach of the machine, and closes afterwards what was opened for it. */
export type WithHost<Host> = <T>(act: (host: Host) => T) => T;

/** What any program has of its process. */
export interface ProcessEdge {
  readonly environment: Environment;
  /** All of standard input. */
  readStdin(): Uint8Array;
  writeOut(text: string): void;
  writeErr(text: string): void;
}

/** What a plugin has of its process. */
export interface Edge extends ProcessEdge {
  /** Whether the path names the network namespace that this process is in; false where it names none. */
  isOwnNetns(path: string): boolean;
  /** Serves a plugin that is the very image of this process in it; undefined for any other executable. Without it there is none. */
  readonly launchResident?: LaunchResident;
}

/**
 * Serves one call: reads the variables and standard input, checks them in the reference's order, runs the verb and
 * prints what it returns or the error it throws. The returned exit code is 0 or 1; nothing is thrown.
 */
export function servePlugin<Host>(plugin: Plugin<Host>, edge: Edge, withHost: WithHost<Host>): number {
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

/** A plugin with all that it works with. */
interface Service<Host> {
  readonly plugin: Plugin<Host>;
  readonly edge: Edge;
  readonly withHost: WithHost<Host>;
}

function introduce(plugin: Pick<Plugin, "name" | "versions">): string {
  const version = typeof PACKAGE_VERSION === "string" ? PACKAGE_VERSION : "0.0.0-unpackaged";
  const versions = versionsOf(plugin).join(", ");
  return `CNI ${plugin.name} plugin v${version}\nCNI protocol versions supported: ${versions}`;
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
  const { launchResident } = edge;
  const call = {
    ...{ network, version, stdin, environment, log: (line: string) => log(line, edge) },
    ...(launchResident && { launchResident }),
  };
  if (verb === "ADD") add(service, call);
  else act(service, createRequest(verb, call));
}

/** A plugin's function for each verb; no other is read, for reading one loads it. */
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

/** Whether a link has gone while it was looked at: then ADD's is not there. */
function isGone(error: unknown): error is Error {
  return isSystemError(error) && "code" in error && error.code === "ENODEV";
}

/**
 * An ADD of whose result nobody hears is taken back: the oldest versions cannot tell every result, and who asked may be
 * gone, a killed plugin for one that runs this one as its delegate.
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
 * The host's own network namespace is no container's: ADD refuses it, and for DEL it is as if there were none. The reference refuses both
 * after the verb has run, and then has printed two documents; nothing has happened here yet. @throws CniError invalidNetns
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
    throw new CniError("ioFailure", `error writing to stdout: ${reasonOf(error)}`, { cause: error });
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

/** What was thrown, and where. The native image's stacks begin with the first function, those of Node.js with the error itself. */
function describeBug(error: Error): string {
  const { stack = "" } = error;
  return stack.startsWith(String(error)) ? stack : `${error}\n${stack.trimEnd()}`;
}

function isBug(error: Error): boolean {
  return !(error instanceof CniError) && toCniError(error).code === ERROR_CODES.internal;
}

/** Standard error is only informational: a call does not fail because nobody reads it. */
function log(line: string, edge: Edge): void {
  try {
    edge.writeErr(`${line}\n`);
  } catch {
    // Nowhere to tell it.
  }
}
