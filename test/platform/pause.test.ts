import { expect, test } from "vitest";
import { pause } from "../../src/platform/pause.ts";

function timeOf(act: () => void): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

test("pause() sleeps as long as it is told, parts of a millisecond rounded up", () => {
  expect(timeOf(() => pause(29.5))).toBeGreaterThanOrEqual(29);
});

test("pause() returns at once where there is nothing to wait for", () => {
  expect(timeOf(() => [0, -1].forEach(pause))).toBeLessThan(10_000);
});
