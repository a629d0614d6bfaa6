import { expect, test } from "vitest";
import { backOff, waitFor } from "../../src/linux/wait.ts";

function timeOf(act: () => void): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

test("backOff() pauses no longer than it says, however many attempts there were", () => {
  expect(timeOf(() => backOff(10_000))).toBeLessThan(10_000);
});

test("waitFor() looks until it finds something, and at least once", () => {
  const found = [undefined, undefined, "found"];
  expect(waitFor(() => found.shift(), 10_000)).toBe("found");
  expect(waitFor(() => "at once", -1)).toBe("at once");
  expect(waitFor(() => undefined, 5)).toBeUndefined();
});
