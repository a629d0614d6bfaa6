import { type Request, requirePrevResult } from "../../src/cni/request.ts";
import type { Result } from "../../src/cni/result.ts";
import { undoOnError } from "../../src/steps/undo.ts";
import { parseNewNameConfig } from "./config.ts";

/** Logs the greeting and returns prevResult unchanged. If a step fails, what was deferred by the steps before it runs, newest first. */
export function add(request: Request): Result {
  const { greeting } = parseNewNameConfig(request);
  const result = requirePrevResult(request, "must be called as chained plugin");
  return undoOnError(request.log, (defer) => {
    request.log(`${greeting}, ${request.containerId}`);
    defer(() => request.log(`goodbye, ${request.containerId}`));
    return result;
  });
}
