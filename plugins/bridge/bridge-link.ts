import { CniError } from "../../src/cni/error.ts";
import type { Mac } from "../../src/ip/mac.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { addBridge } from "../../src/netlink/link/add.ts";
import { IF_OPER } from "../../src/netlink/link/attributes.ts";
import { isRunning, type LinkBrief } from "../../src/netlink/link/brief.ts";
import { findLink, getLink } from "../../src/netlink/link/get.ts";
import { listPorts } from "../../src/netlink/link/list.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { setLink } from "../../src/netlink/link/set.ts";
import { supportsVlanFiltering } from "../../src/netlink/link/support.ts";
import { waitForLink } from "../../src/netlink/link/wait.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { fullBridge } from "../../src/steps/full-bridge.ts";
import { randomMac } from "../../src/steps/hardware-address.ts";
import type { Host } from "../../src/steps/host.ts";
import { isMarked, isUnnamed, type Mark, marked } from "../../src/steps/owned-links.ts";
import { attemptSysctl } from "../../src/steps/sysctl.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";

/** How long the kernel may take to notice the first port of a bridge, in ms: on a busy machine it does other things first. */
const RUNNING_MS = 15_000;

/** What a bridge must be like. The MTU (bytes, 0 for the kernel's default) and the MAC are used only when the bridge is created. */
export interface BridgeSpec {
  readonly name: string;
  readonly mtu: number;
  readonly promiscuous: boolean;
  /** The setting that needs VLANs, as an error names it (`vlan 100`). Undefined if none does. */
  readonly vlanNeed: string | undefined;
  /** A random one unless given. */
  readonly mac?: Mac | undefined;
}

/** The alias of a bridge that this plugin created (`ip link` shows it). To keep a bridge, clear or change its alias. */
const MARK: Mark = { alias: "made by the CNI plugin bridge", group: 0x434e4942 };

/** The MAC of a bridge without ports that was never given a MAC. */
const NO_MAC = "00:00:00:00:00:00";

/**
 * Returns the bridge of that name, and brings it up. Creates it if it is missing, like `ip link add NAME address MAC type bridge`.
 * When the call fails, a bridge that this call created is deleted unless others use it by then, and an existing one is set down again if
 * it was down.
 * @throws CniError bridgeConflict if the name belongs to another kind of link or the bridge does not filter VLANs, unsupportedField if
 * the kernel cannot filter VLANs
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
  // The MAC is not restored: a bridge without ports had none.
  defer(() => restoreUnusedBridge(host, bridge));
  setLink(host.netlink, bridge, changes);
  return getLink(host.netlink, bridge.index);
}

/**
 * Requires VLAN filtering: on the bridge if it exists, else support for it in the kernel.
 * Does not switch filtering on for an existing bridge: that could cut off ports that send or expect tags. The operator decides. Without
 * filtering, VLANs could be set but would not separate anybody.
 * @throws CniError bridgeConflict, unsupportedField
 */
export function requireVlans(host: Host, link: Link | undefined, need: string): void {
  if (link === undefined) {
    if (!supportsVlanFiltering(host.netlink)) refuseKernel(need);
    return;
  }
  if (link.bridge?.vlanFiltering === 1) return;
  if (link.bridge?.defaultVlan === undefined) refuseKernel(need);
  throw new CniError(
    "bridgeConflict",
    `Cannot use ${need}: bridge ${JSON.stringify(link.name)} does not filter VLANs`,
    {
      details: `if no other port sends tagged frames: ip link set dev ${link.name} type bridge vlan_filtering 1`,
    },
  );
}

/**
 * Waits until the host can send through a bridge that has a port which forwards. The kernel notices the first port of a bridge a moment
 * after the port is up, and until then drops what the host sends: a container's first ARP request would get no answer.
 */
export function awaitRunning(host: Host, bridge: LinkId): void {
  if (isRunning(host.netlink, bridge)) return;
  const until = ({ operationalState }: Link) => operationalState === IF_OPER.UP;
  waitForLink(host.netlink, bridge, { timeout: RUNNING_MS, until });
}

/**
 * Runs an action that uses a bridge, and explains why it fails.
 * @throws CniError tryAgainLater if the bridge was deleted since, bridgeConflict if it has no room for a port
 */
export function usingBridge<T>(host: Host, { name, index }: LinkId, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    if (error.errno === ERRNO.EXFULL) throw fullBridge({ name, index }, error);
    if (findLink(host.netlink, index) !== undefined) throw error;
    throw new CniError("tryAgainLater", `Cannot use bridge "${name}": it has just been deleted`, { cause: error });
  }
}

/**
 * Keeps the MAC that a bridge had before a port joined or left. Without a fixed MAC, a bridge takes the lowest MAC of its ports. Its
 * peers lose packets each time that MAC changes.
 */
export function pinBridgeMac(host: Host, before: Link, now: LinkBrief): void {
  if (now.mac !== before.mac && before.mac !== NO_MAC) setLink(host.netlink, before, { mac: before.mac });
}

/** The ports of the bridge but this one. */
export function listOtherPorts(host: Host, bridge: LinkId, port: LinkId): readonly Link[] {
  return listPorts(host.netlink, bridge).filter(({ index }) => index !== port.index);
}

/**
 * Deletes a bridge that this plugin created, if `counts` is false for all of its ports. Calls `disconnect` for each of these ports first.
 * A host-wide lock keeps ADD from using the bridge at the same time. A missing bridge is success.
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

/** Deletes the bridge of that name if it still has that MAC and has no ports. */
function deleteUnusedBridge(host: Host, { name, mac }: Pick<Link, "name" | "mac">): void {
  host.withBridges("withdrawn", () => {
    const bridge = findLink(host.netlink, name);
    if (bridge?.mac === mac && listPorts(host.netlink, bridge).length === 0) deleteLinkIfThere(host.netlink, name);
  });
}

/** Restores the up and promiscuous flags of a bridge, if it has no ports. */
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
  const { name, mtu, vlanNeed, mac = randomMac() } = spec;
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
    // Another process created it at the same moment.
    if (error.errno === ERRNO.EEXIST) return getLink(host.netlink, name);
    // The kernel has already deleted the new bridge. If it supports no bridges at all, its error has an explanation.
    const isFiltering = error.errno === ERRNO.EOPNOTSUPP && error.explanation === undefined;
    if (vlanNeed !== undefined && isFiltering) refuseKernel(vlanNeed, error);
    throw error;
  }
  return getLink(host.netlink, name);
}
