import { type Request, validAttachments } from "../../src/cni/request.ts";
import { parseRelease } from "./config.ts";
import { releaseOthers } from "./release.ts";

/** Deletes the leases of the network's stale attachments. Without a list of valid attachments it deletes nothing. */
export function gc(request: Request): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const { folder, releaseDelay } = parseRelease(request);
  releaseOthers({ folder, log: request.log, awaitLock: request.awaitLock }, valid, releaseDelay);
}
