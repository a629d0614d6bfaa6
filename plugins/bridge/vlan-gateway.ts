import type { Interface } from "../../src/cni/result.ts";
import { NetlinkError } from "../../src/netlink/acknowledgement.ts";
import { addVeth } from "../../src/netlink/link/add.ts";
import { findLink, findOtherEnd, getLink } from "../../src/netlink/link/get.ts";
import { listPorts } from "../../src/netlink/link/list.ts";
import type { Link, LinkId } from "../../src/netlink/link/message.ts";
import { setLink, setLinkUp } from "../../src/netlink/link/set.ts";
import { listVlans } from "../../src/netlink/vlan/list.ts";
import { ERRNO } from "../../src/platform/errno.ts";
import { checkMac } from "../../src/steps/container-interface.ts";
import { randomMac } from "../../src/steps/hardware-address.ts";
import type { Host } from "../../src/steps/host.ts";
import { randomName } from "../../src/steps/link-name.ts";
import { isMarked, isUnnamed, type Mark, marked } from "../../src/steps/owned-links.ts";
import { attemptSysctl } from "../../src/steps/sysctl.ts";
import { changeOwing, type Defer } from "../../src/steps/undo.ts";
import { deleteLinkIfThere } from "../../src/steps/veth.ts";
import { pinBridgeMac } from "./bridge-link.ts";
import type { BridgeConfig } from "./config.ts";
import { checkVlans, joinVlans, planVlans, type VlanPlan } from "./vlan.ts";

/** A VLAN of a bridge, the name of its gateway, and the container's port that this call added to the VLAN. */
export interface VlanMembership {
  readonly bridge: Link;
  readonly name: string;
  readonly port: LinkId;
  readonly config: VlanConfig;
}

/** The alias of the port that connects a VLAN's gateway to the bridge. It marks a port that is no container's. */
const MARK: Mark = { alias: "VLAN gateway of the CNI plugin bridge", group: 0x434e4956 };

type VlanConfig = Pick<BridgeConfig, "vlan" | "preserveDefaultVlan">;

/**
 * Returns the host's interface in a VLAN of the bridge, up. Creates it if it is missing: a veth whose peer is a port of the bridge. An
 * existing link of that name that others set up is used unchanged. When the call fails, a link that this call created is deleted unless
 * others use the VLAN by then.
 */
export function ensureVlanGateway(host: Host, membership: VlanMembership, defer: Defer): Link {
  const { bridge, name, config } = membership;
  const gateway = findLink(host.netlink, name) ?? createGateway(host, membership, defer);
  // Also for an existing link: the call that created it may not be finished, or may have been killed.
  const port = connectPort(host, bridge, gateway);
  if (port !== undefined) joinVlans(host.netlink, bridge, port, planGateway(config));
  // Router advertisements from containers must not reconfigure the host (CVE-2020-10749).
  attemptSysctl(() => host.sysctls.write(`net/ipv6/conf/${name}/accept_ra`, "0"));
  if (gateway.up) return gateway;
  setLinkUp(host.netlink, gateway);
  return getLink(host.netlink, gateway.index);
}

/** Whether a port connects a VLAN gateway that this plugin created. */
export function isGatewayPort(port: Link): boolean {
  return isMarked(MARK, port);
}

/** The ports of the VLAN but the container's and the gateway's. */
export function listVlanOthers(host: Host, { bridge, name, port, config }: VlanMembership): readonly Link[] {
  const gateway = findLink(host.netlink, name);
  const ours = [port.index, gateway?.peer];
  const others = listPorts(host.netlink, bridge).filter(({ index }) => !ours.includes(index));
  return others.filter((other) => listVlans(host.netlink, other).some(({ id }) => id === config.vlan));
}

/** The differences between a VLAN's gateway and what ADD creates, as sentences. */
export function checkVlanGateway(
  host: Host,
  { bridge, name, config }: Omit<VlanMembership, "port">,
  reported: Interface | undefined,
): string[] {
  const gateway = findLink(host.netlink, name);
  if (gateway === undefined) return [`VLAN gateway "${name}" is missing`];
  const port = portOf(host, bridge, gateway);
  const what = `VLAN gateway "${name}"`;
  return [
    ...(reported === undefined ? [`${what} is not among prevResult's interfaces`] : []),
    ...checkMac(what, reported?.mac, gateway),
    ...(gateway.up ? [] : [`${what} is down, expected up`]),
    ...(gateway.kind === "veth" && port === undefined ? [`${what} is not connected to bridge "${bridge.name}"`] : []),
    ...(port === undefined ? [] : checkVlans(host.netlink, bridge, port, planGateway(config))),
  ];
}

function createGateway(host: Host, membership: VlanMembership, defer: Defer): Link {
  const { bridge, name } = membership;
  const { mtu } = bridge;
  const peer = { name, mac: randomMac(), mtu };
  const port = { name: randomName(), group: MARK.group, master: bridge.index, mac: randomMac() };
  const reversal = () => listVlanOthers(host, membership).length === 0 && deleteLinkIfThere(host.netlink, name, peer);
  try {
    changeOwing(defer, reversal, () => addVeth(host.netlink, { ...port, up: true, mtu, peer }));
  } catch (error) {
    const other =
      error instanceof NetlinkError && error.errno === ERRNO.EEXIST ? findLink(host.netlink, name) : undefined;
    // Another process created it at the same moment.
    if (other !== undefined) return other;
    throw error;
  }
  pinBridgeMac(host, bridge, getLink(host.netlink, bridge.index));
  return getLink(host.netlink, name);
}

/**
 * Connects the gateway to the bridge and returns its port. If the bridge was deleted and created again, a gateway of ours is connected
 * again.
 */
function connectPort(host: Host, bridge: Link, gateway: Link): Link | undefined {
  const peer = gateway.peer === undefined ? undefined : findLink(host.netlink, gateway.peer);
  if (peer !== undefined && isUnnamed(MARK, peer)) setLink(host.netlink, peer, marked(MARK));
  if (peer === undefined || !isGatewayPort(peer) || peer.master !== undefined) return portOf(host, bridge, gateway);
  setLink(host.netlink, peer, { master: bridge.index, up: true });
  return getLink(host.netlink, peer.index);
}

/** The port of the bridge that is the gateway's veth peer. */
function portOf(host: Host, bridge: Link, gateway: Link): Link | undefined {
  const peer = findOtherEnd(host.netlink, gateway);
  return peer?.master === bridge.index ? peer : undefined;
}

/** The gateway is in this one VLAN only. The trunk is for the container. */
function planGateway({ vlan, preserveDefaultVlan }: VlanConfig): VlanPlan {
  return planVlans({ vlan, vlanTrunk: undefined, preserveDefaultVlan });
}
