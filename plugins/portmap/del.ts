import type { Request } from "../../src/cni/request.ts";
import { endPorts } from "./ports.ts";

/**
 * Ends the mappings of an attachment. Works without portMappings, without prevResult, without the namespace, after a configuration that has changed
 * since ADD, and again and again. Runs every step, then throws all that failed.
 */
export function del(request: Request): void {
  endPorts(request);
}
