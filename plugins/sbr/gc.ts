import { type Request, validAttachments } from "../../src/cni/request.ts";

/** Reads the list of valid attachments, and deletes nothing: rules and routes are in the container's namespace, and end with it. */
export function gc(request: Request): void {
  validAttachments(request);
}
