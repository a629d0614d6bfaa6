import { afterEach, expect, test, vi } from "vitest";
import { backOff, waitFor } from "../../src/linux/wait.ts";
import { libc } from "../../src/platform/libc.ts";

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

afterEach(() => void vi.restoreAllMocks());

test("waitFor() looks less and less often, every 25 ms in the end, until the time is over", () => {
  const looks: number[] = [];
  let now = 100;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.spyOn(libc().functions, "poll").mockImplementation((_fds, _count, timeout) => {
    now += timeout;
    return 0;
  });
  const found = waitFor(() => {
    looks.push(now - 100);
    return undefined;
  }, 81);
  expect([found, looks]).toEqual([undefined, [0, 1, 3, 7, 15, 31, 56, 81, 106]]);
});
