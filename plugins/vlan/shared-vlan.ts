import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import type { LinkBrief } from "../../src/netlink/link/brief.ts";
import { addChild, listChildren, MACVLAN_MODE } from "../../src/netlink/link/child.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { succeeds } from "../../src/platform/outcome.ts";
import { type ChildSpec, makeChild } from "../../src/steps/child-link.ts";
import type { Container, Host } from "../../src/steps/host.ts";
import { randomName } from "../../src/steps/link-name.ts";
import { type Master, refuseMtu } from "../../src/steps/master.ts";
import { isMarked, isUnnamed, type Mark, marked } from "../../src/steps/owned-links.ts";
import { attemptSysctl } from "../../src/steps/sysctl.ts";
import { type Defer, runAll } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { explainTaken, findVlanLink, type Vlan } from "./taken.ts";

/** The alias of a link in a VLAN that this plugin made for several containers. To keep such a link, clear or change its alias. */
const MARK: Mark = { alias: "made by the CNI plugin vlan", group: 0x434e4953 };

/** A macvlan that exists only while a link is examined. */
const PROBE = "cni-vlan-unused";

/** sizeof(ifr_name) without NUL <linux/if.h> */
const MAX_NAME = 15;

/** The settings of the containers' macvlans: they reach each other. */
export const SHARED_SETTINGS = { mode: MACVLAN_MODE.BRIDGE } as const;

/**
 * Gives the container a macvlan on the master's link in the VLAN, which all containers share. That link is made if it is missing, and goes
 * with its last macvlan, also when the call fails. @throws CniError kernelRequest if somebody else has the VLAN
 */
export function connectShared(
  host: Host,
  container: Container,
  { vlan, mtu, owner }: { vlan: Vlan } & Required<Pick<ChildSpec<"macvlan">, "owner">> & { mtu: number },
  defer: Defer,
): LinkBrief {
  const { netlink } = vlan.master;
  defer(() => removeUnusedVlans(host, netlink, vlan));
  return host.withVlans("used", () => {
    const link = ensureVlan({ host, container, taken: owner.ifname }, vlan);
    refuseMtu(mtu, link);
    const master = { link, netlink };
    return makeChild(container, { kind: "macvlan", settings: SHARED_SETTINGS, master, mtu, owner }, defer);
  });
}

/** The master's link in the VLAN, if this plugin made it. */
export function findSharedVlan(vlan: Vlan): Link | undefined {
  const link = findVlanLink(vlan);
  return link !== undefined && isMarked(MARK, link) ? link : undefined;
}

/**
 * Deletes the links in VLANs that this plugin made and on which no macvlan stands, in the namespace of the socket: all, or that of one
 * VLAN. A host-wide lock keeps ADD from using them at the same time. @throws CniError tryAgainLater, NetlinkError
 */
export function removeUnusedVlans(host: Pick<Host, "withVlans">, netlink: Rtnetlink, only?: Vlan): void {
  const list = () => {
    if (only === undefined) return listOwn(netlink);
    const link = findSharedVlan(only);
    return link === undefined ? [] : [link];
  };
  if (list().length === 0) return;
  host.withVlans("withdrawn", () => runAll(list().map((link) => () => removeIfUnused(netlink, link))));
}

/**
 * The macvlans are in the namespaces of their containers, which cannot all be asked. But the kernel can: a macvlan in mode passthru must be
 * the only one. It has no traffic, and goes with the link.
 */
function removeIfUnused(netlink: Rtnetlink, { index: parent, name, mac }: Link): void {
  removeProbe(netlink);
  const settings = { mode: MACVLAN_MODE.PASSTHRU };
  const add = () => addChild(netlink, { kind: "macvlan", name: PROBE, settings, parent });
  if (!succeeds([ERRNO.EINVAL, ERRNO.EBUSY], add)) return;
  try {
    deleteLinkIfThere(netlink, name, { kind: "vlan", mac });
  } catch (error) {
    removeProbe(netlink);
    throw error;
  }
}

/** A killed call may have left it, and no macvlan can stand beside it. */
function removeProbe(netlink: Rtnetlink): void {
  deleteLinkIfThere(netlink, PROBE, { kind: "macvlan" });
}

/** Where a link in a VLAN is made, and a name that it must not have there. */
interface Site {
  readonly host: Host;
  readonly container: Container;
  readonly taken: string;
}

/** The master's link in the VLAN, up. The host takes no part in the VLAN: the link has no addresses. */
function ensureVlan(site: Site, vlan: Vlan): Link {
  const { netlink } = vlan.master;
  const link = findSharedVlan(vlan) ?? explainTaken(site.host, vlan, () => makeVlan(site, vlan));
  removeProbe(netlink);
  if (isUnnamed(MARK, link)) keepHostOut(site, vlan.master, link);
  if (link.up && !isUnnamed(MARK, link)) return link;
  setLink(netlink, link, { up: true, ...(isUnnamed(MARK, link) ? marked(MARK) : {}) });
  return getLink(netlink, link.index);
}

function keepHostOut({ host, container }: Site, { netlink }: Master, { name }: Link): void {
  const path = `net/ipv6/conf/${name}/disable_ipv6`;
  if (netlink === host.netlink) attemptSysctl(() => host.sysctls.write(path, "1"));
  else container.within((sysctls) => attemptSysctl(() => sysctls.write(path, "1")));
}

/** @throws NetlinkError EEXIST if somebody else has the VLAN */
function makeVlan({ taken }: Site, vlan: Vlan): Link {
  const { link, netlink } = vlan.master;
  const usual = `${link.name}.${vlan.id}`;
  const isUsable = usual.length <= MAX_NAME && usual !== taken && findLink(netlink, usual) === undefined;
  const name = isUsable ? usual : randomName("vlan");
  try {
    const settings = { id: vlan.id };
    addChild(netlink, { kind: "vlan", name, settings, parent: link.index, group: MARK.group });
  } catch (error) {
    // Another process made it at the same moment.
    const other = error instanceof NetlinkError && error.errno === ERRNO.EEXIST ? findSharedVlan(vlan) : undefined;
    if (other === undefined) throw error;
    return other;
  }
  return getLink(netlink, name);
}

/** What this plugin made in the socket's namespace, on links of that namespace. */
function listOwn(netlink: Rtnetlink): readonly Link[] {
  const ofThisNetns = listChildren(netlink, "vlan").filter(({ parentNetns }) => parentNetns === undefined);
  return ofThisNetns.map(({ link }) => link).filter((link) => isMarked(MARK, link));
}
