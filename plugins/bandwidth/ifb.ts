import { sha512 } from "#digest";
import { CniError } from "../../src/cni/error.ts";
import type { Request } from "../../src/cni/request.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { type Attachment, selectOwner } from "../../src/netfilter/owner.ts";
import { addIfb } from "../../src/netlink/link/add.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { randomMac } from "../../src/steps/hardware-address.ts";
import type { Host } from "../../src/steps/host.ts";
import { isOthersPort } from "../../src/steps/own-ports.ts";
import { claimOf, isOwned, ownership } from "../../src/steps/owned-links.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";

/** The maximum length of a link name. */
const NAME_LENGTH = 15;

/**
 * The names that an attachment's IFB may have. The first is the reference's, made from the container alone. If another interface of the
 * container uses it, the second is used, which is unique to the attachment.
 */
export function ifbNames({ network, containerId, ifname }: Attachment): readonly string[] {
  return [network + containerId, network + containerId + ifname].map((text) =>
    `bwp${sha512(text)}`.slice(0, NAME_LENGTH),
  );
}

/**
 * Creates the attachment's IFB and brings it up. Its alias names the attachment. Replaces one that an earlier ADD of this attachment
 * left. Deleted again when the call fails.
 * @throws CniError interfaceExists if both names are taken
 */
export function createIfb(
  host: Host,
  { owner, mtu, mac = randomMac() }: { owner: Attachment; mtu: number; mac?: Mac | undefined },
  defer: Defer,
): Link {
  const name = ifbNames(owner).find((each) => isFree(host, owner, each));
  if (name === undefined) {
    const names = ifbNames(owner).join(" and ");
    throw new CniError(
      "interfaceExists",
      `Cannot add an ifb for ${owner.ifname}: ${names} exist and are not this attachment's`,
    );
  }
  deleteLinkIfThere(host.netlink, name);
  changeOwing(
    defer,
    () => deleteLinkIfThere(host.netlink, name, { mac }),
    () => addIfb(host.netlink, { name, mac, mtu, group: claimOf(owner), up: true }),
  );
  const ifb = getLink(host.netlink, name);
  setLink(host.netlink, ifb, ownership(owner));
  return ifb;
}

/**
 * The attachment's IFB: the one whose alias names the attachment, else one without an alias, as the reference creates it. The reference
 * names it by the container alone, so it is another interface's if the result of ADD does not report it.
 */
export function findIfb(host: Host, owner: Attachment & Pick<Request, "prevResult">): Link | undefined {
  const ifbs = ifbNames(owner)
    .flatMap((name) => findLink(host.netlink, name) ?? [])
    .filter(({ kind }) => kind === "ifb");
  return ifbs.find((ifb) => isOwn(owner, ifb)) ?? ifbs.find((ifb) => isUnmarked(ifb) && !isOthersPort(owner, ifb));
}

function isFree(host: Host, owner: Attachment, name: string): boolean {
  const link = findLink(host.netlink, name);
  return link === undefined || (link.kind === "ifb" && isOwn(owner, link));
}

function isUnmarked({ alias, group }: Link): boolean {
  return alias === "" && group === 0;
}

function isOwn(owner: Attachment, link: Link): boolean {
  return isOwned(selectOwner(owner), link);
}
