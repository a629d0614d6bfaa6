import { expect, test } from "vitest";
import { ownProcessId } from "../../src/linux/own-process.ts";

test("ownProcessId() is the number of this process", () => {
  expect(ownProcessId()).toBe(process.pid);
});
