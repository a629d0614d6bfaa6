import { type Request, validAttachments } from "../../src/cni/request.ts";
import { isSelected, selectStale } from "../../src/netfilter/owner.ts";
import { listKind } from "../../src/netlink/link/list.ts";
import { openNetlink } from "../../src/netlink/socket.ts";
import { runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";

/**
 * Deletes the IFBs of this network's attachments that the runtime does not name as valid. Without a list nothing is known to be
 * stale, with an empty one everything of this network is. All are tried before what failed is thrown.
 */
export function gc(request: Request): void {
  const valid = validAttachments(request);
  if (valid === undefined) return;
  const host = openNetlink();
  const stale = selectStale(request.network, valid);
  const ifbs = listKind(host, "ifb", stale.key).filter(({ alias }) => isSelected(stale, alias));
  runAll(
    ifbs.map(
      ({ name }) =>
        () =>
          deleteLinkIfThere(host, name),
    ),
  );
}
