import { type CniError, ERROR_CODES, toCniError } from "../cni/error.ts";
import { formatJson } from "../cni/json.ts";
import { AddFailed } from "../runtime/chain.ts";
import { NetworkNotFound } from "../runtime/load.ts";
import type { Edge } from "./edge.ts";
import { InstallError } from "./installation.ts";

/**
 * Writes an error to standard error in cnitool's text, one line for each error that failed together. On a terminal, adds the code's
 * name and, if known, what to do. With `json`, writes one object to standard output instead: `code`, `msg`, and `details` and `hint` if
 * there are any.
 */
export function writeFailure(edge: Edge, error: unknown, { json }: { json: boolean }): void {
  if (json) {
    edge.writeOut(`${formatJson(describeFailure(edge, error))}\n`);
    return;
  }
  const errors = error instanceof AggregateError ? error.errors : [error];
  for (const each of errors)
    edge.writeErr(each instanceof InstallError ? formatRefusal(edge, each) : formatError(edge, toCniError(each)));
}

/** An error as an object: `code`, `msg`, and `details` and `hint` if there are any. */
export function describeFailure(edge: Edge, error: unknown): object {
  if (error instanceof InstallError) return { code: ERROR_CODES.ioFailure, msg: error.message, hint: error.advice };
  const { code, message: msg, details } = toCniError(error);
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return { code, msg, details: details || undefined, hint: adviceFor(edge, toCniError(first)) };
}

function formatRefusal(edge: Edge, { message, advice }: InstallError): string {
  return `${message}\n${formatAdvice(edge, advice)}`;
}

function formatError(edge: Edge, error: CniError): string {
  return `${formatText(error)}\n${formatCode(edge, error)}${formatAdvice(edge, adviceFor(edge, error))}`;
}

function formatText({ message, details }: CniError): string {
  return details === "" ? message : `${message}; ${details}`;
}

function formatCode({ terminal }: Edge, { code }: CniError): string {
  const name = Object.entries(ERROR_CODES).find(([, each]) => each === code)?.[0];
  return terminal.err ? `  code: ${code}${name === undefined ? "" : ` (${name})`}\n` : "";
}

function formatAdvice({ terminal }: Edge, advice: string | undefined): string {
  return terminal.err && advice !== undefined ? `  next: ${advice}\n` : "";
}

/** The next step for an error, if it is known. */
function adviceFor(edge: Edge, error: CniError): string | undefined {
  if (error instanceof NetworkNotFound) return adviceForNetwork(error);
  const text = formatText(error);
  const [, plugin] = /failed to find plugin "(.*?)"/.exec(text) ?? [];
  if (plugin !== undefined) return adviceForPlugin(edge, plugin);
  if (/EPERM|EACCES|permission denied|operation not permitted/i.test(text))
    return "run it as root: namespaces, links and the result cache need it";
  const told = edge.args.slice(edge.args[0] === "trace" ? 2 : 1);
  const undo = `\`cnictl del ${told.join(" ")}\``;
  const known = adviceForCode(error.code, undo);
  if (!(error instanceof AddFailed) || known?.includes(undo)) return known;
  const undoing = `${undo} removes what may be left of it`;
  if (known === undefined) return undoing;
  return error.before.length === 0 ? known : `${known}; ${undoing}`;
}

function adviceForNetwork({ found, details }: NetworkNotFound): string {
  if (found.length > 0) return `use one of the networks there: ${found.join(", ")}`;
  if (details !== "") return "correct the file, or set NETCONFPATH to another directory";
  return "put a network list there, or set NETCONFPATH to its directory";
}

function adviceForPlugin({ build }: Edge, plugin: string): string {
  const where = "set CNI_PATH to its directory";
  if (build.names.includes(plugin)) return `install it with \`cnictl install\`, or ${where}`;
  return `"${plugin}" is not part of this project: install it from where it comes from, or ${where}`;
}

function adviceForCode(code: number, undo: string): string | undefined {
  switch (code) {
    case ERROR_CODES.incompatibleVersion:
      return "set cniVersion in the network list to one that every plugin of it supports";
    case ERROR_CODES.unsupportedField:
    case ERROR_CODES.decodingFailure:
    case ERROR_CODES.invalidConfig:
      return "correct the network list";
    case ERROR_CODES.unknownContainer:
      return "attach it with `cnictl add`, or name the cache of the runtime that did with --cache-dir";
    case ERROR_CODES.invalidNetns:
      return "use an existing network namespace, such as /run/netns/<name> of `ip netns list`";
    case ERROR_CODES.tryAgainLater:
    case ERROR_CODES.deadlineExceeded:
      return "run it again in a moment";
    case ERROR_CODES.noAddressAvailable:
      return "detach containers that are not needed, or remove stale leases: `cnictl gc <network>`";
    case ERROR_CODES.checkFailed:
      return "`cnictl reapply` rebuilds what others deleted on the host; if that does not help, start the container again";
    case ERROR_CODES.duplicateAllocation:
    case ERROR_CODES.interfaceExists:
      return `${undo} first, or use another name with --ifname`;
    default:
      return undefined;
  }
}
