import { type Request, validAttachments } from "../../src/cni/request.ts";

/** Reads the list of valid attachments, and deletes nothing: VRFs are in the containers' namespaces, and end with them. */
export function gc(request: Request): void {
  validAttachments(request);
}
