import type { Request } from "../../src/cni/request.ts";
import { parseRelease } from "./config.ts";
import { releaseLeases } from "./release.ts";

/** Releases the attachment's addresses; it needs to know where the leases are, and nothing else of the configuration. */
export function del(request: Request): void {
  const { folder, releaseDelay } = parseRelease(request);
  releaseLeases({ folder, log: request.log }, request, releaseDelay);
}
