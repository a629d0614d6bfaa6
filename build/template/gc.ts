import { type Request, validAttachments } from "../../src/cni/request.ts";

/** Reads the list of valid attachments, and deletes nothing: what ADD set is in the container's namespace, and ends with it. */
export function gc(request: Request): void {
  validAttachments(request);
}
