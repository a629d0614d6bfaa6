import { CniError } from "../cni/error.ts";
import { findPrevResult, type Request } from "../cni/request.ts";
import { isLinkLocal, isSameAddress } from "../ip/address.ts";
import type { Mac } from "../ip/mac.ts";
import { type Attachment, isOwnerComment, isSelected, ownerComment, selectOwner } from "../netfilter/owner.ts";
import { NetlinkError } from "../netlink/acknowledgement.ts";
import { listAddresses } from "../netlink/address/list.ts";
import { getLinkBrief, type LinkBrief } from "../netlink/link/brief.ts";
import { addChild, type ChildKind, type ChildSettings } from "../netlink/link/child.ts";
import { findLink } from "../netlink/link/get.ts";
import { listKind } from "../netlink/link/list.ts";
import type { Link } from "../netlink/link/message.ts";
import { setLink } from "../netlink/link/set.ts";
import { ERRNO } from "../platform/errno.ts";
import { addressesOf } from "./check-addresses.ts";
import { findInterface } from "./container.ts";
import type { Container } from "./host.ts";
import { randomName } from "./link-name.ts";
import type { Master } from "./master.ts";
import { findReportedInside } from "./reported.ts";
import { changeOwing, type Defer } from "./undo.ts";
import { deleteLinkIfThere } from "./veth.ts";

/** The container's interface as it is to be. Without `master` it stands on no link. `mtu` 0 is the master's or the kernel's. */
export interface ChildSpec<K extends ChildKind> {
  readonly kind: K;
  readonly settings: ChildSettings<K>;
  readonly master?: Master | undefined;
  readonly mac?: Mac | undefined;
  readonly mtu?: number | undefined;
  /** The owner; the interface has its `ifname`. */
  readonly owner: Attachment;
}

/**
 * Refuses ADD if the container already has the interface. Call it before anything is made: otherwise the DEL after the failed ADD would
 * delete the existing interface. @throws CniError interfaceExists
 */
export function refuseTaken({ netlink, path }: Container, ifname: string): void {
  if (findLink(netlink, ifname) !== undefined) throw taken(path, ifname);
}

/**
 * Creates the container's interface, down, with its owner in its alias. It is deleted if the call fails. @throws CniError
 * interfaceExists, NetlinkError
 */
export function makeChild<K extends ChildKind>(container: Container, spec: ChildSpec<K>, defer: Defer): LinkBrief {
  const { owner } = spec;
  try {
    add(container, spec, owner.ifname, defer);
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === ERRNO.EEXIST)) throw error;
    refuseTaken(container, owner.ifname);
    // Before about Linux 6.15 the name must be free where the request is made, too.
    addRenamed(container, spec, defer);
  }
  const link = getLinkBrief(container.netlink, owner.ifname);
  setLink(container.netlink, link, { alias: ownerComment(owner) });
  return link;
}

/**
 * The container's interface of that kind, for DEL. Its alias says who owns it, because the path may lead to another container by now,
 * and the container may have renamed it. The Go plugins set no alias; then its name counts, unless the result of ADD contradicts that.
 */
export function findOwnChild(
  container: Container,
  kind: ChildKind | "tun",
  owner: Attachment & Pick<Request, "prevResult">,
): Link | undefined {
  const selection = selectOwner(owner);
  const named = findInterface(container, owner.ifname);
  if (named?.kind === kind) {
    if (isSelected(selection, named.alias)) return named;
    if (!isOwnerComment(named.alias) && !isAnothers(container, named, owner)) return named;
  }
  return listKind(container.netlink, kind, [selection.key]).find(({ alias }) => isSelected(selection, alias));
}

/** Whether an interface has other addresses than the result of ADD, or another MAC and none of these addresses. */
function isAnothers({ netlink }: Container, link: Link, owner: Attachment & Pick<Request, "prevResult">): boolean {
  const result = findPrevResult(owner);
  const ips = result === undefined ? [] : addressesOf(result, owner.ifname);
  if (ips.length === 0) return false;
  const found = listAddresses(netlink, link).map(({ prefix }) => prefix.address);
  if (found.some((each) => ips.some(({ address }) => isSameAddress(each, address.address)))) return false;
  const given = result && findReportedInside(result, link.name)?.mac;
  const hasOtherMac = given !== undefined && given.toLowerCase() !== link.mac;
  return hasOtherMac || found.some((each) => !isLinkLocal(each));
}

function add<K extends ChildKind>(container: Container, spec: ChildSpec<K>, name: string, defer: Defer): void {
  const { kind, settings, master, mac, mtu } = spec;
  const isInside = master === undefined || master.netlink === container.netlink;
  const netlink = master?.netlink ?? container.netlink;
  const place = isInside ? {} : { netns: container.netns };
  const child = { kind, name, settings, mac, parent: master?.link.index, mtu: mtu === 0 ? undefined : mtu, ...place };
  changeOwing(
    defer,
    () => deleteLinkIfThere(container.netlink, name, { kind }),
    () => addChild(netlink, child),
  );
}

function addRenamed<K extends ChildKind>(container: Container, spec: ChildSpec<K>, defer: Defer): void {
  const { ifname } = spec.owner;
  const { netlink, path } = container;
  const name = randomName();
  add(container, spec, name, defer);
  const link = getLinkBrief(netlink, name);
  try {
    changeOwing(
      defer,
      () => deleteLinkIfThere(netlink, ifname, { kind: spec.kind }),
      () => setLink(netlink, link, { name: ifname }),
    );
  } catch (error) {
    throw error instanceof NetlinkError && error.errno === ERRNO.EEXIST ? taken(path, ifname, error) : error;
  }
}

function taken(path: string, ifname: string, cause?: unknown): CniError {
  return new CniError("interfaceExists", `Interface ${JSON.stringify(ifname)} already exists in ${path}`, { cause });
}
