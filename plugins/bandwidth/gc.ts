import { type Request, validAttachments } from "../../src/cni/request.ts";
import { selectStale } from "../../src/netfilter/owner.ts";
import type { Host } from "../../src/steps/host.ts";
import { listOwned } from "../../src/steps/owned-links.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";

/**
 * Deletes the IFBs of this network's stale attachments: those that the runtime's list of valid attachments does not name. Without a list
 * nothing is stale; with an empty list everything of this network is. Tries all, then throws the errors.
 */
export function gc(request: Request, host: Host): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const ifbs = listOwned(host, "ifb", selectStale(request.network, valid));
  runAll(
    ifbs.map(
      ({ name }) =>
        () =>
          deleteLinkIfThere(host.netlink, name),
    ),
  );
}
