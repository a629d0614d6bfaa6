import { listOwnedElements } from "../../../src/netfilter/owned-elements.ts";
import { type Attachment, selectOwner } from "../../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../../src/netlink/socket.ts";
import { decodeMasqueraded, type Masqueraded, SOURCES } from "../../../src/steps/masquerade/rules.ts";

/** All masqueraded addresses of an attachment, of both families. @throws NetlinkError */
export function findMasquerade(netlink: Nfnetlink, owner: Attachment): readonly Masqueraded[] {
  return listOwnedElements(netlink, [SOURCES[4], SOURCES[6]], selectOwner(owner)).map(({ element }) =>
    decodeMasqueraded(element),
  );
}
