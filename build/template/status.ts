import type { Request } from "../../src/cni/request.ts";
import { parseNewNameConfig } from "./config.ts";

/** Whether ADD could be served. @throws CniError invalidConfig, or unavailable that says what is missing and what to do */
export function status(request: Request): void {
  parseNewNameConfig(request);
}
