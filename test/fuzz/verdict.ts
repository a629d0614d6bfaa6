import type { Outcome } from "../lab.ts";
import type { Call } from "./scenario.ts";

/** How long a call may take, in milliseconds: no wait of a plugin's for others is in a world without others. */
const LONGEST = 5000;

/** A sanitized image, which is the one that writes reports, takes ten times as long. */
const PATIENCE = process.env["FUZZ_REPORTS"] === undefined ? 1 : 10;

/** What is wrong: in the same words for the same thing, and in full. */
export interface Wrong {
  readonly kind: string;
  readonly text: string;
}

/** A process that has ended. */
export type Ended = Outcome & { readonly milliseconds: number };

/** What is wrong with how a plugin's call ended; undefined for an answer as the specification has it. */
export function judge(call: Call, ended: Ended): Wrong | undefined {
  const verb = call.environment["CNI_COMMAND"] ?? "";
  const { status, stdout } = ended;
  const isInOrder = status === 1 ? isErrorObject(stdout) : status === 0 && isResult(verb, stdout);
  const expected = status === 1 ? "no error object" : status === 0 ? "output of another form" : `exit ${status}`;
  return judgeProcess(`${call.name} ${verb}`, ended, isInOrder ? undefined : expected);
}

/** The same for cnictl, which answers people: it has exit codes of its own, and words. */
export function judgeTool(verb: string, ended: Ended): Wrong | undefined {
  return judgeProcess(
    `cnictl ${verb}`,
    ended,
    [0, 1, 2].includes(ended.status ?? -1) ? undefined : `exit ${ended.status}`,
  );
}

function judgeProcess(what: string, ended: Ended, otherwise: string | undefined): Wrong | undefined {
  const { status, signal, stdout, stderr, milliseconds } = ended;
  const kind = processFault(ended) ?? otherwise;
  const facts = `exit ${status}, signal ${signal}, ${Math.round(milliseconds)} ms`;
  return kind === undefined ? undefined : { kind: `${what}: ${kind}`, text: `${facts}\n${stdout}\n${stderr}` };
}

function processFault({ signal, stderr, milliseconds }: Ended): string | undefined {
  if (milliseconds > LONGEST * PATIENCE) return "takes too long";
  if (signal !== null) return `ended by ${signal}`;
  if (/Sanitizer|runtime error:/.test(stderr)) return "sanitizer";
  return /^\s+at \S+/m.test(stderr) ? "a stack on standard error" : undefined;
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
