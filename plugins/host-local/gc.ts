import { type Request, validAttachments } from "../../src/cni/request.ts";
import { parseRelease } from "./config.ts";
import { storeOf } from "./exclusive.ts";
import { releaseOthers } from "./release.ts";

/** Deletes the leases of the network's stale attachments. Without a list of valid attachments it deletes nothing. */
export function gc(request: Request): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const config = parseRelease(request);
  releaseOthers(storeOf(request, config), valid, config.releaseDelay);
}
