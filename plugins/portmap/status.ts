import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import { openPortsBackend } from "./backend.ts";
import { parsePortmapConfig } from "./config.ts";

/** Whether an ADD could be served: whether the host has what the configuration's ports are mapped with. @throws CniError unavailable */
export function status(request: Request): void {
  const config = parsePortmapConfig(request);
  try {
    openPortsBackend(request, config);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError("unavailable", error.message, { details: error.details, cause: error });
  }
}
