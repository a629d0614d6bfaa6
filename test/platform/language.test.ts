import { expect, test } from "vitest";
import { runOnBoth } from "./runtimes.ts";

test.each([
  ["UTF-8, JSON, digests and what is large", "texts.ts", 100, undefined],
  ["numbers, patterns, lists, dates and errors", "language.ts", 50, undefined],
  ["changes of the heap that it begins with", "kept-heap.ts", 10, ["kept-heap.ts", "kept-state.ts"]],
])(
  "the native image treats %s as Node.js does",
  async (_, fixture, least, preloaded) => {
    const { node, native } = await runOnBoth(fixture, preloaded);
    for (const { status, stderr } of [node, native]) expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [expected, found] = [node, native].map(({ stdout }) => JSON.parse(stdout));
    expect(Object.keys(expected).length).toBeGreaterThan(least);
    expect(found).toEqual(expected);
  },
  120_000,
);
