import { type CniError, ERROR_CODES, toCniError } from "../cni/error.ts";
import { NetworkNotFound } from "../runtime/load.ts";
import type { Edge } from "./edge.ts";
import { InstallError } from "./installation.ts";

/**
 * Writes an error to standard error in cnitool's text, one line for each error that failed together. On a terminal, adds the code's
 * name and, if known, what to do.
 */
export function writeFailure(edge: Edge, error: unknown): void {
  const errors = error instanceof AggregateError ? error.errors : [error];
  for (const each of errors)
    edge.writeErr(each instanceof InstallError ? formatRefusal(edge, each) : formatError(edge, toCniError(each)));
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
  if (error instanceof NetworkNotFound) return adviceForNetwork(error.found);
  const text = formatText(error);
  if (/failed to find plugin|no paths provided/.test(text))
    return "install the plugins with `cnictl install`, or set CNI_PATH to their directory";
  if (/EPERM|EACCES|permission denied|operation not permitted/i.test(text))
    return "run it as root: namespaces, links and the result cache need it";
  const [command, ...told] = edge.args;
  const undo = `\`cnictl del ${told.join(" ")}\``;
  if (command === "add" && /failed \(add\)/.test(text))
    return adviceForCode(error.code, undo) ?? `${undo} removes what may be left of it`;
  return adviceForCode(error.code, undo);
}

function adviceForNetwork(found: readonly string[]): string {
  if (found.length > 0) return `use one of the networks there: ${found.join(", ")}`;
  return "put a network list there, or set NETCONFPATH to its directory";
}

function adviceForCode(code: number, undo: string): string | undefined {
  switch (code) {
    case ERROR_CODES.invalidNetns:
      return "use an existing network namespace, such as /run/netns/<name> of `ip netns list`";
    case ERROR_CODES.tryAgainLater:
    case ERROR_CODES.deadlineExceeded:
      return "run it again in a moment";
    case ERROR_CODES.noAddressAvailable:
      return "detach containers that are not needed, or remove stale leases: `cnictl gc <network>`";
    case ERROR_CODES.duplicateAllocation:
    case ERROR_CODES.interfaceExists:
      return `${undo} first, or use another name with --ifname`;
    default:
      return undefined;
  }
}
