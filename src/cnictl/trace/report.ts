import type { Phases, Step, StepRequest, TracedCall, TracedInput } from "../../cni/call-trace.ts";
import { formatJson } from "../../cni/json.ts";
import { formatTable } from "../table.ts";
import { linesOf } from "./json.ts";

/** A plugin and what it was given, as text. `caller` is the plugin that passed its own input on. */
export function formatInput({ plugin, command, executable, input }: TracedInput, caller?: TracedInput): string {
  const isSame = caller !== undefined && JSON.stringify(input) === JSON.stringify(caller.input);
  const given = isSame ? `  that of ${caller.plugin}\n` : formatDocument(input);
  return `${command} of ${plugin} (${executable})\nInput:\n${given}`;
}

/** What a plugin did and printed, as text, with the plugins that it called. */
export function formatOutcome(call: TracedCall): string {
  const { steps, stderr, output, plugin } = call;
  const delegates = (steps ?? []).flatMap((step) => step.call ?? []);
  return [
    steps === undefined ? `Requests: not traced, because ${plugin} is another executable than cnictl\n` : "",
    steps !== undefined && steps.length > 0 ? `Requests:\n${indent(formatSteps(steps))}` : "",
    ...delegates.map((each) => indent(formatInput(each, call) + formatOutcome(each))),
    ...linesOf(stderr).map((line, index) => `${index === 0 ? "Standard error:\n" : ""}  ${line}\n`),
    `Output:\n${formatDocument(output)}`,
    `${formatEnd(call)} after ${formatTime(call.milliseconds)} ms${formatPhases(call.phases, ": ")}\n`,
  ].join("");
}

/** One line for each plugin, in the order of the calls: what it came to and where the time went. */
export function formatSummary(calls: readonly TracedCall[]): string {
  const rows = calls.flatMap((call) => summaryRows(call, ""));
  return formatTable(["PLUGIN", "VERB", "RESULT", alignNumber("MS"), "TIME-BY-PHASE"], rows);
}

/** How wide a line of JSON may become. */
const WIDTH = 100;

/** JSON in which whatever fits into a line is one, as a person would write it. */
export function formatCompact(value: unknown, margin = ""): string {
  const line = formatJson(value, 1).replaceAll(/\n\s*/g, " ");
  if (margin.length + line.length <= WIDTH || typeof value !== "object" || value === null) return line;
  const inner = `${margin}  `;
  if (Array.isArray(value))
    return `[\n${value.map((each) => `${inner}${formatCompact(each, inner)}`).join(",\n")}\n${margin}]`;
  const members = Object.entries(value).map(
    ([key, member]) => `${inner}${formatJson(key)}: ${formatCompact(member, inner)}`,
  );
  return `{\n${members.join(",\n")}\n${margin}}`;
}

function summaryRows(call: TracedCall, margin: string): readonly (readonly string[])[] {
  const { plugin, command, milliseconds, phases, steps = [] } = call;
  const row = [`${margin}${plugin}`, command, formatEnd(call), formatNumber(milliseconds), formatPhases(phases, "")];
  return [row, ...steps.flatMap((step) => (step.call === undefined ? [] : summaryRows(step.call, `${margin}  `)))];
}

function formatDocument(document: unknown): string {
  if (document === undefined) return "  nothing\n";
  return indent(`${typeof document === "string" ? document.trimEnd() : formatCompact(document)}\n`);
}

function formatSteps(steps: readonly Step[]): string {
  const headings = [alignNumber("AT"), alignNumber("MS"), "NETNS", "REQUEST", "ANSWER", "WHAT"];
  return formatTable(headings, steps.flatMap(stepRows));
}

function stepRows(step: Step): readonly (readonly string[])[] {
  const { at, milliseconds, kind, inside, requests = [], call } = step;
  const where = inside === true ? "container" : "host";
  const answer = call === undefined ? formatAnswer(step) : [formatEnd(call), step.action];
  const row = [formatNumber(at), formatNumber(milliseconds), where, kind, ...answer];
  return [row, ...requests.map((each) => [" ", " ", " ", `  ${each.kind}`, ...formatAnswer(each)])];
}

/** The answer in a word, and what was asked, with what the answer means. */
function formatAnswer({ action, error }: StepRequest): readonly [answer: string, what: string] {
  if (error === undefined) return ["ok", action];
  const { errno, message, kernel } = error;
  const meaning = [message, kernel].filter((each) => each !== undefined && each !== "").join("; ");
  return [errno ?? (message === "" ? "ok" : "failed"), `${action}: ${meaning}`];
}

function formatEnd({ exitCode, signal, failure }: TracedCall): string {
  if (failure !== undefined) return failure;
  return exitCode === undefined ? `signal ${signal}` : `exit code ${exitCode}`;
}

function formatPhases(phases: Phases | undefined, before: string): string {
  if (phases === undefined) return "";
  const parts = Object.entries(phases)
    .map(([phase, milliseconds]) => ({ phase, time: formatTime(milliseconds) }))
    .filter(({ time }) => Number(time) > 0)
    .map(({ phase, time }) => `${phase} ${time}`);
  return `${before}${parts.join(", ")}`;
}

function formatTime(milliseconds: number): string {
  return milliseconds.toFixed(2);
}

/** Numbers and their headings end in one column. */
function formatNumber(milliseconds: number): string {
  return alignNumber(formatTime(milliseconds));
}

function alignNumber(text: string): string {
  return text.padStart(7);
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
