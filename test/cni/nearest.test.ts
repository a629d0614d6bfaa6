import { expect, test } from "vitest";
import { findNearest } from "../../src/cni/nearest.ts";

const KNOWN = ["dir", "only", "hostRoutes", "bridge"];

test.each([
  ["brige", "bridge"],
  ["hostroutes", "hostRoutes"],
  ["hsotRoutse", undefined],
  ["dri", "dir"],
  ["idr", "dir"],
  ["rid", undefined],
  ["onyl", "only"],
  ["d", undefined],
  ["", undefined],
])("findNearest(%j) is %j", (word, nearest) => {
  expect(findNearest(word, KNOWN)).toBe(nearest);
});
