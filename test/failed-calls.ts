// For vitest's setupFiles: a test that fails says how the plugins that it called had failed, with their error objects.
import { afterEach, beforeEach } from "vitest";
import { failedCalls } from "./lab.ts";

beforeEach(() => {
  failedCalls.length = 0;
});

afterEach(({ task }) => {
  if (task.result?.state !== "fail" || failedCalls.length === 0) return;
  for (const error of task.result.errors ?? [])
    error.message += `\n\nCalls of this test that failed, be it as they were to:\n${failedCalls.join("\n")}\n`;
});
