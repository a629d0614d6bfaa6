import { expect, it } from "vitest";
import { makeScenario } from "./scenario.ts";
import { judge } from "./verdict.ts";

const good = { status: 0, signal: null, stdout: '{"cniVersion":"1.1.0"}', stderr: "", milliseconds: 10 };
const refusal = { ...good, status: 1, stdout: '{"code":7,"msg":"a"}' };
const call = (verb: string) => ({ name: "bridge", stdin: "", environment: { CNI_COMMAND: verb } });

it.each([
  ["ADD", good],
  ["DEL", { ...good, stdout: "" }],
  ["ADD", refusal],
  ["STATUS", { ...refusal, stderr: "attempt at something" }],
])("judge has nothing against %s with %j", (verb, outcome) => {
  expect(judge(call(verb), outcome)).toBeUndefined();
});

it.each([
  ["ADD", { ...good, stdout: "" }, "output of another form"],
  ["DEL", good, "output of another form"],
  ["ADD", { ...good, status: 2 }, "exit 2"],
  ["ADD", { ...good, status: null, signal: "SIGSEGV" }, "ended by SIGSEGV"],
  ["ADD", { ...refusal, stdout: '{"code":999,"msg":"a"}' }, "no error object"],
  ["ADD", { ...refusal, stdout: '{"code":7,"msg":""}' }, "no error object"],
  ["ADD", { ...refusal, stdout: "oops" }, "no error object"],
  ["ADD", { ...refusal, stderr: "TypeError: a\n    at f (src/a.ts:1)\n" }, "a stack on standard error"],
  ["ADD", { ...refusal, stderr: "host.c:1:2: runtime error: shift" }, "sanitizer"],
  ["ADD", { ...good, milliseconds: 5001 }, "takes too long"],
])("judge finds %s with %j wrong", (verb, outcome, kind) => {
  expect(judge(call(verb), outcome)?.kind).toBe(`bridge ${verb}: ${kind}`);
});

it("makeScenario makes the same of the same numbers, and leaves a change out where it is told", () => {
  const numbers = Array.from({ length: 200 }, (_, i) => i);
  for (const number of numbers) expect(makeScenario(5, number)).toEqual(makeScenario(5, number));
  const changed = numbers.map((number) => makeScenario(5, number)).findIndex(({ changes }) => changes.length > 1);
  expect(makeScenario(5, changed, new Set([0])).changes).not.toContain(0);
});
