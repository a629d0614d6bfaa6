import { CniError } from "../../src/cni/error.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { addChild, type Child, findChild, listChildren } from "../../src/netlink/link/child.ts";
import { findLink } from "../../src/netlink/link/get.ts";
import { listPorts } from "../../src/netlink/link/list.ts";
import type { Link } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import type { Rtnetlink } from "../../src/netlink/socket.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { isMarked, type Mark, marked } from "../../src/steps/owned-links.ts";
import { chooseTables, findRules } from "../../src/steps/routing-tables.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import type { VrfConfig } from "./config.ts";

/** The alias of a VRF that this plugin created (`ip link` shows it). To keep a VRF, give it another alias. */
const MARK: Mark = { alias: "made by the CNI plugin vrf", group: 0x434e4952 };

/** The first table that is chosen. */
const FIRST_TABLE = 1;

/** A VRF of a container: a link whose members have a routing table of their own. */
export interface Vrf {
  readonly link: Link;
  /** RT_TABLE. */
  readonly table: number;
}

/** The VRF with a name or an index; undefined if there is none, or if it is another kind of link. */
export function findVrf(netlink: Rtnetlink, which: string | number): Vrf | undefined {
  const found = findChild(netlink, "vrf", which);
  return found?.link.kind === "vrf" ? vrfOf(found) : undefined;
}

/**
 * The VRF of the configuration, which may not exist yet. @throws CniError invalidConfig if the name belongs to another kind of link, or
 * the VRF has another table
 */
export function findConfigured(netlink: Rtnetlink, { vrfname, table }: VrfConfig): Vrf | undefined {
  const found = findChild(netlink, "vrf", vrfname);
  if (found === undefined) return undefined;
  if (found.link.kind !== "vrf") throw new CniError("invalidConfig", `cmdAdd failed: Netlink ${vrfname} is not a VRF`);
  const vrf = vrfOf(found);
  if (table === 0 || vrf.table === table) return vrf;
  const message = `cmdAdd failed: VRF ${vrfname} already exist with different routing table ${vrf.table}`;
  throw new CniError("invalidConfig", message);
}

/**
 * Creates a VRF, up, like `ip link add NAME up type vrf table TABLE`. Without a table it gets the lowest one that no VRF, rule and route
 * of the namespace has. It is deleted if the call fails, unless it has a member by then. Call it under the lock on tables.
 * @throws CniError unsupportedField if the kernel has no VRFs; NetlinkError
 */
export function createVrf(netlink: Rtnetlink, { vrfname, table: given }: VrfConfig, defer: Defer): Vrf {
  const table = given === 0 ? chooseTable(netlink) : given;
  try {
    changeOwing(
      defer,
      () => deleteUnused(netlink, vrfname),
      () => addChild(netlink, { kind: "vrf", name: vrfname, settings: { table }, group: MARK.group }),
    );
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === ERRNO.EOPNOTSUPP)) throw error;
    const message = `Cannot add VRF "${vrfname}": the kernel has no VRFs`;
    throw new CniError("unsupportedField", message, { cause: error, details: "it needs CONFIG_NET_VRF" });
  }
  const link = findLink(netlink, vrfname);
  if (link === undefined) throw new CniError("tryAgainLater", `VRF "${vrfname}" has just been deleted`);
  setLink(netlink, link, { up: true, ...marked(MARK) });
  return { link, table };
}

/**
 * Deletes a VRF without members. One that others made stays: it has another alias, or none and `isLeft` is false. The Go plugin sets no
 * alias; its VRF goes when its last member has been taken out.
 */
export function deleteIfEmpty(netlink: Rtnetlink, vrf: Vrf, { isLeft }: { isLeft: boolean }): void {
  const { alias, name } = vrf.link;
  if (isOwnVrf(vrf) || (isLeft && alias === "")) deleteUnused(netlink, name);
}

/** Whether this plugin created the VRF. */
export function isOwnVrf({ link }: Vrf): boolean {
  return isMarked(MARK, link);
}

function deleteUnused(netlink: Rtnetlink, name: string): void {
  const vrf = findVrf(netlink, name);
  if (vrf !== undefined && listPorts(netlink, vrf.link).length === 0) deleteLinkIfThere(netlink, name, { kind: "vrf" });
}

function chooseTable(netlink: Rtnetlink): number {
  const taken = listChildren(netlink, "vrf").map(({ settings }) => settings.table ?? 0);
  const rules = ([4, 6] as const).flatMap((family) => findRules(netlink, family));
  const [table = FIRST_TABLE] = chooseTables(netlink, { rules, taken, first: FIRST_TABLE, count: 1 });
  return table;
}

function vrfOf({ link, settings }: Child<"vrf">): Vrf {
  return { link, table: settings.table ?? 0 };
}
