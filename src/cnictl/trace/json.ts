import type { Step, TracedCall } from "../../cni/call-trace.ts";

/** A plugin's call as JSON, with those of the plugins that it called in `steps`. */
export function callJson(call: TracedCall): object {
  const { plugin, command, executable, milliseconds, exitCode, signal, failure, input, output, phases, steps } = call;
  const stderr = linesOf(call.stderr);
  const head = { plugin, command, executable, milliseconds, exitCode, signal, failure, phases };
  return { ...head, input, output, stderr, steps: steps?.map(stepJson) };
}

/** What a plugin wrote to standard error, line by line. */
export function linesOf(text: string): readonly string[] {
  const lines = text.trimEnd();
  return lines === "" ? [] : lines.split("\n");
}

function stepJson({ at, milliseconds, phase, kind, action, inside, error, requests, call }: Step): object {
  if (call !== undefined) return { at, milliseconds, phase, kind, action, call: callJson(call) };
  const where = inside === true ? "container" : "host";
  return { at, milliseconds, phase, kind, action, where, error, requests };
}
