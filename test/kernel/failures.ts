import { expect } from "vitest";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import { type Defer, undoOnError } from "../../src/steps/undo.ts";
import { FakeKernel } from "./fake-kernel.ts";

/** What a test has arranged on a kernel of its own. */
export interface Stage {
  readonly kernel: FakeKernel;
}

/** A kernel of its own with a socket for nf_tables: what failEach() arranges for work on rules. */
export function arrangeNetfilter(): Stage & { readonly netfilter: Nfnetlink } {
  const kernel = new FakeKernel();
  return { kernel, netfilter: kernel.openNetfilter() };
}

/**
 * Does the same again and again, on a stage of its own each time, and has each of its requests fail in turn: refused, and carried
 * out with the answer lost. Where the work fails, nothing may differ from before. Returns how many requests the work makes.
 */
export function failEach<S extends Stage>(
  arrange: () => S,
  act: (stage: S, defer: Defer) => unknown,
  same: (stage: S) => unknown = ({ kernel }) => kernel.snapshot(),
): number {
  const [refused, lost] = (["refuse", "loseAnswer"] as const).map((how) => {
    let n = 1;
    while (failOne(arrange(), { act, same, how, n })) n++;
    return n - 1;
  });
  expect(lost).toBe(refused);
  return refused ?? 0;
}

/** Whether there was such a request. */
function failOne<S extends Stage>(
  stage: S,
  {
    act,
    same,
    how,
    n,
  }: {
    act: (stage: S, defer: Defer) => unknown;
    same: (stage: S) => unknown;
    how: "refuse" | "loseAnswer";
    n: number;
  },
): boolean {
  const { kernel } = stage;
  const before = same(stage);
  const from = kernel.requests;
  kernel[how](n);
  const logged: string[] = [];
  let failure: unknown;
  try {
    undoOnError(
      (line) => logged.push(line),
      (defer) => act(stage, defer),
    );
  } catch (error) {
    failure = error;
  }
  if (kernel.requests < from + n) {
    expect(failure).toBeUndefined();
    return false;
  }
  // Some requests may fail: the work goes on then.
  if (failure === undefined) return true;
  const words = `${how} ${kernel.log[from + n - 1]}: ${failure}; then ${kernel.log.slice(from + n).join(", ")}`;
  expect({ words, left: same(stage), logged }).toEqual({ words, left: before, logged: [] });
  return true;
}
