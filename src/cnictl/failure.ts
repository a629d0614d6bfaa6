import { type CniError, ERROR_CODES, toCniError } from "../cni/error.ts";
import { formatJson } from "../cni/json.ts";
import { adviceFor } from "./advice.ts";
import type { Edge } from "./edge.ts";
import { InstallError } from "./installation.ts";

/**
 * Writes an error to standard error: cnitool's text in one line, then the code and, if known, what to do. Of errors that came together,
 * each has its own lines. With `json`, writes one object to standard output instead: `code`, `msg`, and `details` and `hint` if
 * there are any.
 */
export function writeFailure(edge: Edge, error: unknown, { json }: { json: boolean }): void {
  if (json) {
    edge.writeOut(`${formatJson(describeFailure(edge, error))}\n`);
    return;
  }
  const errors = error instanceof AggregateError ? error.errors : [error];
  for (const each of errors)
    edge.writeErr(each instanceof InstallError ? formatRefusal(each) : formatError(edge, toCniError(each)));
}

/** An error as an object: `code`, `msg`, and `details` and `hint` if there are any. */
export function describeFailure(edge: Edge, error: unknown): object {
  if (error instanceof InstallError) return { code: ERROR_CODES.ioFailure, msg: error.message, hint: error.advice };
  const { code, message: msg, details } = toCniError(error);
  const first = error instanceof AggregateError ? error.errors[0] : error;
  return { code, msg, details: details || undefined, hint: adviceFor(edge, toCniError(first)) };
}

function formatRefusal({ message, advice }: InstallError): string {
  return `${message}\n${formatAdvice(advice)}`;
}

function formatError(edge: Edge, error: CniError): string {
  return `${formatText(error)}\n${formatCode(error)}${formatAdvice(adviceFor(edge, error))}`;
}

function formatText({ message, details }: CniError): string {
  return details === "" ? message : `${message}; ${details}`;
}

function formatCode({ code }: CniError): string {
  const name = Object.entries(ERROR_CODES).find(([, each]) => each === code)?.[0];
  return `  code: ${code}${name === undefined ? "" : ` (${name})`}\n`;
}

/** The line of a next step; empty if none is known. */
export function formatAdvice(advice: string | undefined): string {
  return advice === undefined ? "" : `  next: ${advice}\n`;
}
