import { type Request, validAttachments } from "../../src/cni/request.ts";
import { parseRelease } from "./config.ts";
import { releaseOthers } from "./release.ts";

/** Removes the network's leases of attachments that are not valid; without a list of the valid ones it removes nothing. */
export function gc(request: Request): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const { folder, releaseDelay } = parseRelease(request);
  releaseOthers({ folder, log: request.log }, valid, releaseDelay);
}
