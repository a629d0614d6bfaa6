import { type Request, validAttachments } from "../../src/cni/request.ts";

/** Reads the list of valid attachments, and deletes nothing, because ADD stores nothing. @throws CniError invalidConfig */
export function gc(request: Request): void {
  validAttachments(request);
}
