import type { Request } from "../../src/cni/request.ts";
import { parseStaticConfig } from "./config.ts";

/** Checks the configuration. @throws CniError invalidConfig */
export function status(request: Request): void {
  parseStaticConfig(request);
}
