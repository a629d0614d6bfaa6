import type { Request } from "../../src/cni/request.ts";
import { parseNewNameConfig } from "./config.ts";

/** Whether an ADD could succeed. @throws CniError invalidConfig, or unavailable with the problem and the remedy */
export function status(request: Request): void {
  parseNewNameConfig(request);
}
