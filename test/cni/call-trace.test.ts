import { describe, expect, test } from "vitest";
import { beginTrace, PHASES, type TracedCall } from "../../src/cni/call-trace.ts";
import { pause } from "../../src/platform/pause.ts";

const describeError = (error: unknown) => ({ message: String(error) });
const subject = { phase: "links", kind: "RTM_NEWLINK", action: "add bridge" } as const;

describe("beginTrace()", () => {
  test("divides the time of a call among its phases, which together are all of it", () => {
    const trace = beginTrace(describeError);
    trace.open(subject).run(() => pause(5));
    const step = trace.open({ ...subject, phase: "events" });
    step.run(() => pause(5));
    step.run(() => pause(5));
    const closed = trace.spend("closing");
    pause(5);
    closed();
    pause(5);
    const elapsed = trace.elapsed();
    const phases = trace.phases(elapsed);
    expect(Object.keys(phases)).toEqual(["links", "events", "closing", "other"]);
    expect(phases.events).toBeGreaterThan(9);
    expect(phases.other).toBeGreaterThan(4);
    const sum = Object.values(phases).reduce((total, each) => total + each, 0);
    expect(Math.abs(sum - elapsed)).toBeLessThan(0.001 * PHASES.length);
  });

  test("times a step from its beginning to the end of its last part, and counts the parts alone as its phase", () => {
    const trace = beginTrace(describeError);
    const step = trace.open(subject);
    step.run(() => {});
    pause(20);
    step.run(() => {});
    const [first] = trace.steps();
    expect(first?.milliseconds).toBeGreaterThanOrEqual(20);
    expect(trace.phases(trace.elapsed()).links ?? 0).toBeLessThan(first?.milliseconds ?? 0);
  });

  test("keeps the error that a step ended with, unless the step told of a better one", () => {
    const trace = beginTrace(describeError);
    const fail = () => {
      throw new Error("refused");
    };
    expect(() => trace.open(subject).run(fail)).toThrow("refused");
    const told = trace.open(subject);
    told.refuse({ errno: "EEXIST", message: "File exists" });
    expect(() => told.run(fail)).toThrow("refused");
    expect(trace.steps().map(({ error }) => error)).toEqual([
      { message: "Error: refused" },
      { errno: "EEXIST", message: "File exists" },
    ]);
  });

  test("ends a part once", () => {
    const trace = beginTrace(describeError);
    const end = trace.open(subject).start();
    end();
    end(new Error("later"));
    expect(trace.steps()).toEqual([expect.not.objectContaining({ error: expect.anything() })]);
  });

  test("has the calls of other plugins among the steps, by their beginning", () => {
    const trace = beginTrace(describeError);
    const start = performance.now();
    trace.open(subject).run(() => pause(1));
    const call: TracedCall = {
      ...{ plugin: "host-local", command: "ADD", executable: "/bin/host-local", input: {} },
      ...{ milliseconds: 2, output: {}, stderr: "", exitCode: 0 },
    };
    trace.add(call, start - 1);
    expect(trace.steps().map(({ kind, action }) => `${kind}: ${action}`)).toEqual([
      "plugin: ADD of host-local",
      "RTM_NEWLINK: add bridge",
    ]);
  });
});
