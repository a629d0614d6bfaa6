import type { Outcome } from "../lab.ts";
import type { Call } from "./scenario.ts";

/** How long a call may take, in milliseconds: no wait of a plugin's for others is in a world without others. */
export const LONGEST = 5000;

/** What is wrong with how a call ended, in a word and in full; undefined for an answer as the specification has it. */
export function judge(
  call: Call,
  outcome: Outcome & { readonly milliseconds: number },
): { kind: string; text: string } | undefined {
  const { status, signal, stdout, stderr, milliseconds } = outcome;
  const verb = call.environment["CNI_COMMAND"] ?? "";
  const what = `${call.name} ${verb}`;
  const found = (kind: string) => ({
    kind: `${what}: ${kind}`,
    text: `exit ${status}, signal ${signal}, ${Math.round(milliseconds)} ms\n${stdout}\n${stderr}`,
  });
  if (milliseconds > LONGEST) return found("takes too long");
  if (signal !== null) return found(`ended by ${signal}`);
  if (/Sanitizer|runtime error:/.test(stderr)) return found("sanitizer");
  if (/^\s+at \S+/m.test(stderr)) return found("a stack on standard error");
  if (status === 1) return isErrorObject(stdout) ? undefined : found("no error object");
  if (status !== 0) return found(`exit ${status}`);
  return isResult(verb, stdout) ? undefined : found("output of another form");
}

/** SPEC.md, "Error". 999 is a bug. */
function isErrorObject(text: string): boolean {
  const json = parse(text);
  return typeof json === "object" && json !== null && "code" in json && "msg" in json
    ? Number.isInteger(json.code) &&
        json.code !== 999 &&
        json.code !== 0 &&
        typeof json.msg === "string" &&
        json.msg !== ""
    : false;
}

function isResult(verb: string, text: string): boolean {
  if (verb !== "ADD" && verb !== "VERSION") return text === "";
  const json = parse(text);
  return typeof json === "object" && json !== null && "cniVersion" in json && typeof json.cniVersion === "string";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
