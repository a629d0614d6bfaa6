import { CniError } from "../../src/cni/error.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { addBridge } from "../../src/netlink/link/add.ts";
import { BR_BOOLOPT } from "../../src/netlink/link/attributes.ts";
import type { LinkBrief } from "../../src/netlink/link/brief.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import { listPorts } from "../../src/netlink/link/list.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { supportsVlanFiltering } from "../../src/netlink/link/support.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { randomMac } from "../../src/steps/hardware-address.ts";
import type { Host } from "../../src/steps/host.ts";
import { isMarked, isUnnamed, type Mark, marked } from "../../src/steps/owned-links.ts";
import { attemptSysctl } from "../../src/steps/sysctl.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";

/** What a bridge must be like. The MTU (bytes, 0 for the kernel's own) counts only where the bridge is made. */
export interface BridgeSpec {
  readonly name: string;
  readonly mtu: number;
  readonly promiscuous: boolean;
  /** What needs VLANs to be kept apart, as an error names it (`vlan 100`); undefined where nothing does. */
  readonly vlanNeed: string | undefined;
}

/** The alias of a bridge that we made (`ip link` shows it): whoever takes it away, or gives another, makes the bridge their own. */
const MARK: Mark = { alias: "made by the CNI plugin bridge", group: 0x434e4942 };

/** MAC of a bridge that nobody gave one and that has no ports. */
const NO_MAC = "00:00:00:00:00:00";

/**
 * The bridge of that name, up, made where it is missing, like `ip link add NAME address MAC type bridge`. One that this
 * call made goes again when the call fails, unless somebody else has come to use it; one that was there is as down as before.
 * @throws CniError bridgeConflict when the name belongs to something else or the bridge does not filter VLANs, unsupportedField
 * when the kernel cannot
 */
export function ensureBridge(host: Host, spec: BridgeSpec, defer: Defer): Link {
  const bridge = findLink(host.netlink, spec.name) ?? createBridge(host, spec, defer);
  if (bridge.kind !== "bridge") {
    throw new CniError("bridgeConflict", `${JSON.stringify(spec.name)} already exists but is not a bridge`);
  }
  if (spec.vlanNeed !== undefined) requireVlans(host, bridge, spec.vlanNeed);
  // Router advertisements from containers must not reconfigure the host (CVE-2020-10749).
  attemptSysctl(() => host.sysctls.write(`net/ipv6/conf/${bridge.name}/accept_ra`, "0"));
  const changes = {
    ...(bridge.up ? {} : { up: true }),
    ...(spec.promiscuous && bridge.promiscuity === 0 ? { promiscuous: true } : {}),
    ...(bridge.mac === NO_MAC ? { mac: randomMac() } : {}),
    ...(isUnnamed(MARK, bridge) ? marked(MARK) : {}),
  };
  if (Object.keys(changes).length === 0) return bridge;
  // A MAC stays: without ports there is none to go back to.
  defer(() => restoreUnusedBridge(host, bridge));
  setLink(host.netlink, bridge, changes);
  return getLink(host.netlink, bridge.index);
}

/**
 * Refuses a bridge that does not keep VLANs apart, or where there is none yet, a kernel whose bridges cannot. A bridge that is
 * there is left as it is: filtering would cut off those of its ports that send or expect tags, so switching it on is for whoever
 * made it. Without it the VLANs would be set, and would keep nobody apart. @throws CniError bridgeConflict, unsupportedField
 */
export function requireVlans(host: Host, link: Link | undefined, need: string): void {
  if (link?.bridge?.vlanFiltering === 1) return;
  if (link === undefined ? !supportsVlanFiltering(host.netlink) : link.bridge?.defaultVlan === undefined)
    refuseKernel(need);
  if (link === undefined) return;
  throw new CniError(
    "bridgeConflict",
    `Cannot use ${need}: bridge ${JSON.stringify(link.name)} does not filter VLANs`,
    {
      details: `where no port of it depends on that: ip link set dev ${link.name} type bridge vlan_filtering 1`,
    },
  );
}

/** Runs what needs a bridge that is there. @throws CniError tryAgainLater when it fails because somebody deleted the bridge meanwhile */
export function withBridge<T>(host: Host, { name, index }: LinkId, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof NetlinkError) || findLink(host.netlink, index) !== undefined) throw error;
    throw new CniError("tryAgainLater", `Cannot use bridge "${name}": it was deleted meanwhile`, { cause: error });
  }
}

/**
 * Keeps the MAC that a bridge had before a port joined or left it. A bridge that was never given one takes the lowest of
 * its ports', and whoever talks to it loses packets each time that changes.
 */
export function pinBridgeMac(host: Host, before: Link, now: LinkBrief): void {
  if (now.mac !== before.mac && before.mac !== NO_MAC) setLink(host.netlink, before, { mac: before.mac });
}

/** Whether a bridge takes note of the senders of frames that no rule sees. One that cannot do otherwise counts for one that does not. */
export function learnsUnseen({ bridge }: Link): boolean {
  return bridge?.bits !== undefined && (bridge.bits.values & (1 << BR_BOOLOPT.NO_LL_LEARN)) === 0;
}

/** Whether the bridge has no port besides that one. */
export function isBridgeUnused(host: Host, bridge: LinkId, port: LinkId): boolean {
  return listPorts(host.netlink, bridge).every(({ index }) => index === port.index);
}

/**
 * Deletes a bridge that we made if it has no ports but those that do not count, and what `disconnect` deletes of these
 * before. No ADD of ours is between finding a bridge and having its port there meanwhile. One that is gone is fine.
 * @throws CniError tryAgainLater
 */
export function deleteEmptyBridge(
  host: Host,
  which: string | number,
  { counts, disconnect }: { counts: (port: Link) => boolean; disconnect: (port: Link) => void },
): void {
  const isOurs = (bridge: Link | undefined) => bridge?.kind === "bridge" && isMarked(MARK, bridge);
  if (!isOurs(findLink(host.netlink, which))) return;
  host.withBridges("withdrawn", () => {
    const bridge = findLink(host.netlink, which);
    if (bridge === undefined || !isOurs(bridge)) return;
    const ports = listPorts(host.netlink, bridge);
    if (ports.some(counts)) return;
    for (const port of ports) disconnect(port);
    deleteLinkIfThere(host.netlink, bridge.name);
  });
}

/** Deletes the bridge of that name if it is still the one with that MAC, and has no ports. */
function deleteUnusedBridge(host: Host, { name, mac }: Pick<Link, "name" | "mac">): void {
  host.withBridges("withdrawn", () => {
    const bridge = findLink(host.netlink, name);
    if (bridge?.mac === mac && listPorts(host.netlink, bridge).length === 0) deleteLinkIfThere(host.netlink, name);
  });
}

/** Makes a bridge that has no ports as up and as promiscuous as it was. */
function restoreUnusedBridge(host: Host, before: Link): void {
  host.withBridges("withdrawn", () => {
    const now = findLink(host.netlink, before.index);
    if (now === undefined || listPorts(host.netlink, now).length > 0) return;
    const wasQuiet = before.promiscuity === 0 && now.promiscuity > 0;
    setLink(host.netlink, now, { up: before.up, ...(wasQuiet ? { promiscuous: false } : {}) });
  });
}

function refuseKernel(need: string, cause?: unknown): never {
  const message = `Cannot use ${need}: bridges of this kernel cannot filter VLANs, it needs CONFIG_BRIDGE_VLAN_FILTERING`;
  throw new CniError("unsupportedField", message, { cause });
}

function createBridge(host: Host, spec: BridgeSpec, defer: Defer): Link {
  const { name, mtu, vlanNeed } = spec;
  const mac = randomMac();
  const vlanFiltering = vlanNeed === undefined ? undefined : true;
  const bridge = { name, mac, vlanFiltering, group: MARK.group, ...(mtu === 0 ? {} : { mtu }) };
  try {
    changeOwing(
      defer,
      () => deleteUnusedBridge(host, bridge),
      () => addBridge(host.netlink, bridge),
    );
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    // Somebody else made it at the same moment.
    if (error.errno === ERRNO.EEXIST) return getLink(host.netlink, name);
    // The kernel has taken the bridge back already. It explains itself where it knows no bridges at all.
    const isFiltering = error.errno === ERRNO.EOPNOTSUPP && error.explanation === undefined;
    if (vlanNeed !== undefined && isFiltering) refuseKernel(vlanNeed, error);
    throw error;
  }
  return getLink(host.netlink, name);
}
