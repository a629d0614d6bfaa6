import fs from "#fs";
import { CniError } from "../cni/error.ts";
import { type Child, type ChildKind, findChild, placeOfParent } from "../netlink/link/child.ts";
import { findLink } from "../netlink/link/get.ts";
import type { Link } from "../netlink/link/message.ts";
import { findDefaultRoute } from "../netlink/route/default.ts";
import { linkOf } from "../netlink/route/message.ts";
import type { Rtnetlink } from "../netlink/socket.ts";
import type { Container, Host } from "./host.ts";

/** The settings by which a plugin finds the link that its own link stands on. */
export interface MasterConfig {
  /** A name. "auto", "" and undefined are the link of the default route. */
  readonly master?: string | undefined;
  /** Whether the master is in the container, as an earlier plugin or attachment made it. */
  readonly linkInContainer: boolean;
}

/** A master, and the socket of the namespace that it is in. */
export interface Master {
  readonly link: Link;
  readonly netlink: Rtnetlink;
}

/** Whether the configuration leaves it to the default route which link is the master. */
function isAutomatic({ master = "" }: Pick<MasterConfig, "master">): boolean {
  return master === "" || master === "auto";
}

/**
 * Finds the master: by its name, or the link of the default route, of IPv4 or else of IPv6. Of several links of one route it is the
 * first. @throws CniError invalidConfig if there is none
 */
export function findMaster(
  host: Pick<Host, "netlink">,
  container: Pick<Container, "netlink"> | undefined,
  config: MasterConfig,
): Master {
  const inside = config.linkInContainer ? container : undefined;
  const { netlink } = inside ?? host;
  const place = config.linkInContainer ? "in the container" : "on the host";
  const link = isAutomatic(config) ? findUplink(netlink) : findLink(netlink, config.master ?? "");
  if (link !== undefined) return { link, netlink };
  if (isAutomatic(config))
    throw new CniError("invalidConfig", "no default route interface found", {
      details: `${place}: add a default route, or set "master" to the name of a link`,
    });
  throw new CniError("invalidConfig", `Cannot use master ${JSON.stringify(config.master)}: Link not found ${place}`);
}

/** Refuses an MTU that the master has not got. 0 is the master's own. @throws CniError invalidConfig */
export function refuseMtu(mtu: number, { mtu: most }: Pick<Link, "mtu">): void {
  if (mtu < 0 || mtu > most)
    throw new CniError("invalidConfig", `invalid MTU ${mtu}, must be [0, master MTU(${most})]`);
}

/** Refuses a master that gives all its packets to a bridge or bond: the kernel would answer "Device or resource busy". @throws CniError */
export function refusePort({ link, netlink }: Master): void {
  const problem = findPortProblem({ link, netlink });
  if (problem !== undefined) throw new CniError("invalidConfig", problem);
}

/** Says that the master gives all its packets to a bridge or bond, and what to use instead. */
export function findPortProblem({ link, netlink }: Master): string | undefined {
  if (link.master === undefined) return undefined;
  const owner = findLink(netlink, link.master);
  // A VRF leaves the packets to the link.
  if (owner === undefined || owner.kind === "vrf") return undefined;
  const remedy = owner.kind === "bridge" ? 'use that bridge, by "bridge" or as "master"' : `set "master" to it`;
  return `Cannot use master "${link.name}": it is a port of ${owner.kind} "${owner.name}"; ${remedy}`;
}

/** Logs that a wireless master drops frames from MACs that it did not log in with. */
export function reportWireless(
  { link: { name } }: Pick<Master, "link">,
  log: (line: string) => void,
  exists: (file: string) => boolean = fs.existsSync,
): void {
  if (!["phy80211", "wireless"].some((file) => exists(`/sys/class/net/${name}/${file}`))) return;
  log(`Master "${name}" is wireless: access points drop frames from other MACs, so the container may reach nobody`);
}

/**
 * The difference between what a link of the container stands on and the configured master, as a sentence. A master by the default route
 * may be another one by now, so `find` is not asked for it. @throws the errors of `find`
 */
export function checkParent<K extends ChildKind>(
  child: Child<K>,
  { config, kind, container, find }: { config: MasterConfig; kind: K; container: Container; find: () => Master },
): readonly string[] {
  if (isAutomatic(config)) return [];
  const master = find();
  const below = findBelow(master, kind);
  // What is below is in a namespace that cannot be asked.
  if (below === undefined) return [];
  const { link, parent } = child;
  const place = placeOfParent(container.netlink, child);
  if (below === parent && (place === "unknown" || (place === "here") === config.linkInContainer)) return [];
  const found = place === "elsewhere" ? "outside the container" : "in the container";
  const what = `Interface "${link.name}" stands on link ${parent} ${found}`;
  return [`${what}, expected master "${master.link.name}", which is link ${below}`];
}

/** The index of what a link on the master stands on: the kernel puts a macvlan on a macvlan beside it. */
function findBelow<K extends ChildKind>({ link, netlink }: Master, kind: K): number | undefined {
  if (link.kind !== kind || kind === "vlan") return link.index;
  const child = findChild(netlink, kind, link.name);
  return child?.parentNetns === undefined ? child?.parent : undefined;
}

function findUplink(netlink: Rtnetlink): Link | undefined {
  for (const family of [4, 6] as const) {
    const route = findDefaultRoute(netlink, family);
    const index = route && linkOf(route);
    if (index !== undefined) return findLink(netlink, index);
  }
  return undefined;
}
