import type { Request } from "../../src/cni/request.ts";
import { parseRelease } from "./config.ts";
import { storeOf } from "./exclusive.ts";
import { releaseLeases } from "./release.ts";

/**
 * Releases the attachment's addresses. It only needs the place of the leases and the `releaseDelay` from the configuration, which may be
 * invalid otherwise.
 */
export function del(request: Request): void {
  const config = parseRelease(request);
  releaseLeases(storeOf(request, config), request, config.releaseDelay);
}
