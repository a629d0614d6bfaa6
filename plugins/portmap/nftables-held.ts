import { findElement, listElements } from "../../src/netfilter/nftables/element.ts";
import { type Attachment, isSelected, parseOwnerComment, selectOwner } from "../../src/netfilter/owner.ts";
import type { Nfnetlink } from "../../src/netlink/socket.ts";
import type { Held } from "./holder.ts";
import { decodeRedirect, encodeRedirect, MAPS, mapsOf, type PortMaps } from "./nftables-maps.ts";
import { overlaps, type Redirect } from "./redirect.ts";

/** Finds others' mappings that overlap this one. @throws NetlinkError */
export type FindHeld = (redirect: Redirect) => readonly Held[];

type Found = ReturnType<typeof decodeRedirect>;

/** A placeholder owner, where only the key matters. */
const NOBODY: Attachment = { network: "", ifname: "", containerId: "" };

/**
 * Finds the current mappings of others than the owner. `isTaken` says that a mapping with exactly this key may exist. For mappings of all
 * addresses, the mappings of single addresses are listed once. Every other request is for one key.
 */
export function heldByOthers(
  netlink: Nfnetlink,
  { owner, isTaken }: { owner: Attachment; isTaken: boolean },
): FindHeld {
  const own = selectOwner(owner);
  const listOnce = once((maps) => listElements(netlink, maps.targets).map((each) => decodeRedirect(maps, each)));
  const find = (redirect: Redirect, maps: PortMaps) =>
    redirect.hostIp === undefined && maps.hasAddress
      ? listOnce(maps).filter((other) => overlaps(redirect, other))
      : findSame(netlink, redirect, maps);
  return (redirect) =>
    MAPS.filter((maps) => maps.family === redirect.to.family && (isTaken || maps !== mapsOf(redirect)))
      .flatMap((maps) => find(redirect, maps))
      .filter(({ comment }) => !isSelected(own, comment))
      .map(({ comment, ...held }) => ({ redirect: held, owner: parseOwnerComment(comment) }));
}

/** The mapping of this port in a map, whose keys may be without the address. */
function findSame(netlink: Nfnetlink, redirect: Redirect, maps: PortMaps): readonly Found[] {
  const hostIp = maps.hasAddress ? redirect.hostIp : undefined;
  const { target } = encodeRedirect({ ...redirect, hostIp }, { chain: "", owner: NOBODY });
  const found = findElement(netlink, maps.targets, target.element);
  return found === undefined ? [] : [decodeRedirect(maps, found)];
}

function once(list: (maps: PortMaps) => readonly Found[]): (maps: PortMaps) => readonly Found[] {
  const listed = new Map<PortMaps, readonly Found[]>();
  return (maps) => {
    const found = listed.get(maps) ?? list(maps);
    listed.set(maps, found);
    return found;
  };
}
